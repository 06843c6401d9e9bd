"""What people see of a DjangoTask, for the command line and for web pages. Pure."""
