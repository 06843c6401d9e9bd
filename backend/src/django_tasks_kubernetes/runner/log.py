"""The runner's own lines: few, on stderr, never arguments or results."""

import logging

logger = logging.getLogger("django_tasks_kubernetes.runner")
