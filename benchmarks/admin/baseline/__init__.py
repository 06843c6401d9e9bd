"""An app whose table has the columns of the list of tasks: the same page over the ORM."""
