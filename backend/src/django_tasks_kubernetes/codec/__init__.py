"""A DjangoTask and what Django knows of it: both ways, and all that is in between. Pure."""
