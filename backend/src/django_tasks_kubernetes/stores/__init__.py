"""Where DjangoTasks are: the cluster, and the outbox before it."""
