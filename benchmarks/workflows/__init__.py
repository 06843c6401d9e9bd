"""Workflows: what a graph costs beside the tasks that it is made of, and how one of 10,000 tasks runs."""
