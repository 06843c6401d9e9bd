"""`admin`: what the pages in Django's admin cost, beside Django's own list of as many rows of a table."""
