"""What runs in a task pod: `python -m django_tasks_kubernetes.runner`.

Light, because every task pays for it: the standard library, Django, and of the contract the parts without
dependencies. `__main__` is the order of events, `execute` the task itself, `report` and `progress` what goes to the
operator, `process` signals and the end of the process.
"""
