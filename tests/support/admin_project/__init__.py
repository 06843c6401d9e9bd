"""A web app with Django's admin, for the stories in a browser."""
