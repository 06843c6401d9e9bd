"""Waiting for results and following what changes, by one watch for all who do so in a process.

`changes` is what callers iterate over, and `steps` what it does meanwhile, for threads and coroutines alike. `shared`
is the watch, which tells each `subscription`; `following` keeps one open, and `events` are what it brings.
"""
