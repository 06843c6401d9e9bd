"""From a task and its arguments to a stored DjangoTask."""
