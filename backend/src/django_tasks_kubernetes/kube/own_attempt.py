"""The attempt that this process runs, where it is a task's pod. Light: the runner imports it."""

from djangotasks_api.assignment import Assignment

_current: Assignment | None = None


def enter(assignment: Assignment) -> None:
    """From now on, this process and those that it forks are the attempt's."""
    global _current
    _current = assignment


def leave() -> None:
    """The process is no attempt's any more."""
    global _current
    _current = None


def current() -> Assignment | None:
    """None outside of a task's pod, and in the programs that a task starts: they have no token."""
    return _current
