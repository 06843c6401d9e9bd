"""What a management command that runs for ever needs: it ends when it is told to, and when it hangs."""

import faulthandler
import os
import select
import signal
import threading
from types import FrameType
from typing import Final, Self

# A database or a network that just stops answering holds a process for longer than anybody waits. This is by far longer
# than any step of ours takes, whose requests have timeouts.
HANG_SECONDS: Final = 300.0
STDERR: Final = 2


class Daemon:
    """A context manager around the work. In the main thread SIGTERM and SIGINT tell it to end.

    `hang_seconds`: a step that takes longer ends the process with code 1, and the tracebacks of its threads on stderr,
    so that whoever watches over it starts it anew; 0 lets it hang. No probe from outside could tell more.
    """

    def __init__(self, hang_seconds: float = HANG_SECONDS) -> None:
        self.hang_seconds = hang_seconds
        self._told = False
        self._handlers: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        # A handler may write to a pipe, whatever it interrupts; to set an Event, it could wait for its own thread.
        self._woken, self._wake = os.pipe()
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._tell)
        self.goes_on()
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        os.close(self._woken)
        os.close(self._wake)

    def goes_on(self) -> bool:
        """To be asked before each step. False once it was told to end."""
        self._watch(0.0)
        return not self._told

    def rest(self, seconds: float) -> None:
        """Waits, or until it is told to end."""
        self._watch(seconds)
        if not self._told:
            select.select([self._woken], [], [], seconds)

    def _watch(self, beside: float) -> None:
        if self.hang_seconds > 0:
            faulthandler.dump_traceback_later(self.hang_seconds + beside, exit=True, file=STDERR)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        self._told = True
        os.write(self._wake, b".")
