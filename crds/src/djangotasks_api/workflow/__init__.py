"""The workflow engine: what happens next in a graph of steps. Pure, and the standard library alone.

The operator runs workflows with it, and so do the backends that run without a cluster: they all decide alike.

`graph` has the steps, `engine` decides, `records` is what is stored of it, `ranges` how sets of indexes are written.
"""
