"""Compute the status of tasks and queues. Pure."""
