"""For the tests of projects that use this backend: tasks without a cluster.

    from django_tasks_kubernetes.testing import in_memory

    def test_an_order_sends_a_receipt(mailoutbox):
        with in_memory() as cluster:
            place_order()                 # calls send_receipt.enqueue()
            assert not mailoutbox         # nothing has run yet
            cluster.run_pending()
        assert mailoutbox[0].subject == "Your receipt"

What is enqueued goes through the same validation, limits and codec as with a cluster, and is run by the code that
runs it in a pod. Only the pod itself is missing, and with it retries, timeouts and cancellation. With
OPTIONS["ENQUEUE"] = "on_commit" or "outbox" a task is there when the transaction commits, and not after a rollback: in
a TestCase, that needs `self.captureOnCommitCallbacks(execute=True)`.
"""

from django_tasks_kubernetes.testing.backend import InMemoryBackend, in_memory
from django_tasks_kubernetes.testing.cluster import InMemoryCluster

__all__ = ["InMemoryBackend", "InMemoryCluster", "in_memory"]
