"""The operator: runs each DjangoTask as a Kubernetes Job.

`cache` mirrors tasks, Jobs, Pods and queues, and enqueues the key of every object whose cached state changed;
`controllers` take a key, show its snapshot to `decide` (pure), and carry out the one action it returns through
`cache.writer`; `reports` takes the outcomes that task pods send. Folders may import those below them only:
pyproject.toml has the layers.
"""
