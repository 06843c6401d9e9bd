"""The command line: `manage.py tasks` and `kubectl djangotask` are two thin shells of the verbs in here.

`views` makes values for people out of raw DjangoTasks, `plain` and `pretty` (with Rich) show them, `verbs`, `logs` and
`watch` do what is asked. Nothing in here needs Django's settings, or imports a project's tasks.
"""
