"""What a long-running management command needs: it ends on a signal, and when a step hangs."""

import faulthandler
import os
import select
import signal
import threading
from types import FrameType
from typing import Final, Self

# A database or a network that stops answering can block a process for a quarter of an hour or for ever. Every step of
# ours takes far less than this, since its requests have timeouts.
HANG_SECONDS: Final = 300.0
STDERR: Final = 2


class Watchdog:
    """Ends the process when a step hangs, and asks the loop to stop on SIGTERM and SIGINT.

    A context manager around the loop. Signals are handled where it is entered in the main thread.
    """

    def __init__(self, hang_seconds: float = HANG_SECONDS) -> None:
        """`hang_seconds`: how long a step may take before the process exits with 1 and writes the tracebacks of its
        threads to stderr, so that its supervisor restarts it. 0 for no limit."""
        self.hang_seconds = hang_seconds
        self._stopping = False
        self._handlers: dict[signal.Signals, object] = {}
        self._wakeup_before = -1

    def __enter__(self) -> Self:
        # Python calls a handler between two of its own instructions. A signal that comes just before sleep() blocks
        # would be noticed after it, so the interpreter itself writes to this pipe.
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        if threading.current_thread() is threading.main_thread():
            self._wakeup_before = signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
            for number in (signal.SIGTERM, signal.SIGINT):
                self._handlers[number] = signal.signal(number, self._on_signal)
        self.should_continue()
        return self

    def __exit__(self, *_: object) -> None:
        faulthandler.cancel_dump_traceback_later()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what getsignal() gave
        if self._handlers:
            signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._woken)
        os.close(self._wake)

    def should_continue(self) -> bool:
        """Starts a step. Returns False after a signal: there should be no further step."""
        self._restart_timer(0.0)
        return not self._stopping

    def sleep(self, seconds: float) -> None:
        """Waits, and returns early on a signal."""
        self._restart_timer(seconds)
        if self._stopping:
            return
        woken, _, _ = select.select([self._woken], [], [], seconds)
        if woken:
            # A signal of somebody else's must not wake every later sleep.
            os.read(self._woken, 4096)

    def _restart_timer(self, extra_seconds: float) -> None:
        if self.hang_seconds > 0:
            faulthandler.dump_traceback_later(self.hang_seconds + extra_seconds, exit=True, file=STDERR)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
