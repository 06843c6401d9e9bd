"""The interface of who acts on changes of the cache: the work queues of the controllers."""

from djangotasks_operator.cache.keys import Key


class Subscriber:
    """Called when the cached state changes, whatever changed it. A version that is cached already changes nothing."""

    def task_changed(self, key: Key) -> None:
        """The task, or one of its Jobs or Pods, is new, has changed or is gone."""

    def queue_changed(self, queue: Key) -> None:
        """The queue is new, its spec has changed, or it is gone: that concerns all its unfinished tasks."""

    def standby_changed(self, queue: Key) -> None:
        """One of the queue's standby pods is new, has changed, is claimed or is gone."""

    def hold_changed(self, queue: Key) -> None:
        """The queue's hold is new, it has changed, or it is gone."""

    def task_dropped(self, queue: Key) -> None:
        """A task of the queue is gone."""

    def workflow_changed(self, key: Key) -> None:
        """The workflow is new, it has changed, it is gone, or one of its tasks is in another phase."""

    def schedule_changed(self, schedule: Key) -> None:
        """The schedule is new, its spec or queue has changed, it is gone, or its unfinished tasks are other ones."""
