"""The command lines `manage.py tasks` and `kubectl djangotask`.

`table` declares the verbs and their options once. `argparse_shell` and `kubectl` make a command line of it; `verbs`,
`logs` and `watch` carry it out; `plain_renderer` and `rich_renderer` show the values of `presentation`. Nothing in
here needs Django's settings, or imports a project's tasks.
"""
