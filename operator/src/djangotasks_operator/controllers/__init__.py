"""The reconcile loops. The leader runs them, each on a work queue of its own (`term`).

They observe through `cache`, decide with the pure packages, and act through `cache.writer`.
"""
