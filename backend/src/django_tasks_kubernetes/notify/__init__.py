"""`manage.py watch_tasks`: calls receivers when tasks end, once for each end, also for ends that no pod can report.

A `follower` lists and watches the DjangoTasks of a namespace, and records their `ends` in the `inbox`, a table. The
`loop` takes them from there, one after the other, and `dispatch` calls the receivers. A row outlives its task and a
process that is killed: the rows are the resume point. The `cleaner` deletes files of tasks that are gone.
"""
