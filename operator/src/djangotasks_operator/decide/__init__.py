"""Decide what to do next for one task. Pure.

`checks.decide` returns one action for a snapshot. It is carried out, what changed is seen, and `decide` is called
again, until it says to wait. Nothing is remembered between two calls but what the API server holds, so a restart
changes nothing.
"""
