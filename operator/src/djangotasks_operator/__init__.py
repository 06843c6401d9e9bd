"""The operator: runs each DjangoTask as a Kubernetes Job.

How it fits together: `mirror` (tasks, Jobs and Pods) and `handlers` (queues, with kopf) keep the `store`, which puts
keys on the `workqueue` when there is news; `reconcile` takes a key, shows its snapshot to `decide` (pure), and carries
out the one decision through `api`; `endpoint` takes the outcomes that task pods send.
"""
