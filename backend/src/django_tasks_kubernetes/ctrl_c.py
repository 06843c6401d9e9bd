"""Ctrl-C while a task runs in a process that is not its own: it is meant for the process, and not for the task."""

import signal
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


class CtrlC:
    """Tells a SIGINT from a KeyboardInterrupt that the task raises itself, and which is its failure.

    As a context manager, it is around the task. After a SIGINT it raises KeyboardInterrupt, whatever the task or a
    receiver has made of it. It changes nothing where SIGINT does not come to Python: in other threads than the main
    one, and where it is ignored.
    """

    def __init__(self) -> None:
        self.pressed = False
        """SIGINT came."""
        self._before: Callable[[int, FrameType | None], Any] | None = None

    def __enter__(self) -> Self:
        before = signal.getsignal(signal.SIGINT)
        if callable(before) and threading.current_thread() is threading.main_thread():
            self._before = before
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, type_: object, error: BaseException | None, traceback: object) -> None:
        # The task may have set a handler of its own.
        if self._before is not None and signal.getsignal(signal.SIGINT) == self._handle:
            signal.signal(signal.SIGINT, self._before)
        if self.pressed and not isinstance(error, KeyboardInterrupt):
            raise KeyboardInterrupt from error

    def _handle(self, signum: int, frame: "FrameType | None") -> None:
        self.pressed = True
        if self._before is not None:
            self._before(signum, frame)
