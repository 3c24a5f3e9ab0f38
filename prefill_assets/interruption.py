"""Whether a signal has asked this process to end, told by the signal itself.

Its handler is not enough: Dagster puts its own in place while a run lasts, and forgets at the run's end what came while it
could not raise; and Python drops what a handler raises within a destructor.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)
_BYTES = 1 << 10


class _Watch:
    """Python writes the number of each signal that it handles into a socket, whoever the handler is."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        for end in (self._ours, self._theirs):
            end.setblocking(False)
        self._before = signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        self._was_asked = False
        self._complain, sys.unraisablehook = sys.unraisablehook, self._stay_silent_about_interrupts

    def look(self) -> bool:
        with suppress(BlockingIOError):
            while numbers := self._ours.recv(_BYTES):
                self._was_asked |= any(number in ENDING for number in numbers)
        return self._was_asked

    def close(self) -> None:
        sys.unraisablehook = self._complain
        signal.set_wakeup_fd(self._before)
        self._ours.close()
        self._theirs.close()

    def _stay_silent_about_interrupts(self, dropped: Any) -> None:
        """What a handler raised in a destructor needs no traceback: it is heeded all the same."""
        if issubclass(dropped.exc_type, Exception) or not self.look():
            self._complain(dropped)


_watch: _Watch | None = None


@contextmanager
def watching() -> Iterator[None]:
    """While it lasts, `was_asked_to_end` knows of every SIGINT and SIGTERM that this process handles. In the main thread only."""
    global _watch
    outer, _watch = _watch, _Watch()
    try:
        yield
    finally:
        _watch.close()
        _watch = outer


def was_asked_to_end() -> bool:
    """Whether SIGINT or SIGTERM came since the watch began; False where nobody watches, as in runs that Dagster starts."""
    return _watch is not None and _watch.look()


def end_if_asked() -> None:
    """Raise KeyboardInterrupt where a signal came, also one that somebody swallowed."""
    if was_asked_to_end():
        raise KeyboardInterrupt


def is_interrupt(error: BaseException) -> bool:
    """Whether the user or a signal ended the work: DuckDB makes a RuntimeError of it when it comes during a query."""
    return isinstance(error, KeyboardInterrupt) or (type(error) is RuntimeError and str(error) == "Query interrupted")


def _forget() -> None:
    """A forked process is not the one that is watched: its signals would be taken for its parent's."""
    global _watch
    if _watch is not None:
        signal.set_wakeup_fd(-1)
        _watch = None


os.register_at_fork(after_in_child=_forget)
