"""`manage.py watch_tasks`: tells receivers how tasks ended, each once, also what no pod can tell.

`events` says what there is to tell of a DjangoTask, and is pure. `follow` lists and watches the DjangoTasks of a
namespace, and notes in the database what it finds. `inbox` has these notes, and tells the receivers of them, one after
the other. A note outlives what it is about, and a process that is killed: that is the resume point.
"""
