"""A cluster in memory, for the model check of the operator: an API server, nodes, people, and the operator's own code.

Nothing runs by itself: every call, event, timer and container goes on when a rule of `test_model` says so, in any order.
"""
