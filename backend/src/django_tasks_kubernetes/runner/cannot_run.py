"""What keeps a task from being called."""

from djangotasks_api.phases import Reason


class CannotRun(Exception):
    """The task cannot be called. Its `__cause__` is the error. `retryable`: it may be different the next time."""

    def __init__(self, reason: Reason, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
