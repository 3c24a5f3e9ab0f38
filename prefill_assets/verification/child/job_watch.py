"""Watching a running job: its time, its output and its memory, and how it ended."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .frames import pass_on

READY = b"ready"
POLL_SECONDS = 0.05
MEMORY_SECONDS = 0.02
MESSAGE_BYTES = 4000


@dataclass
class Ending:
    """How a job ended: `exited`, `signal`, `timeout`, `flood`, or `setup_failed` (ours to mend, not the submission's)."""

    how: str
    detail: str
    seconds: float


class Pipes(NamedTuple):
    """A job's two pipes: what it says before the submission runs, and what it sends of it."""

    ready_read: int
    ready_write: int
    result_read: int
    result_write: int

    def close_reading_ends(self) -> None:
        os.close(self.ready_read)
        os.close(self.result_read)

    def close_writing_ends(self) -> None:
        os.close(self.ready_write)
        os.close(self.result_write)


def open_pipes() -> Pipes:
    return Pipes(*os.pipe(), *os.pipe())


class JobWatch:
    """Watches one job's process, and passes on what it sends to `answers`, in frames.

    `owner` is a descriptor whose other end our owner holds: SystemExit when it is gone.
    """

    def __init__(self, head: dict[str, Any], answers: int, owner: int, has_too_much_memory: Callable[[], bool] | None = None):
        """`head` holds the job's `wall_seconds` and `result_bytes`."""
        self._wall_seconds, self._most_bytes = head["wall_seconds"], head["result_bytes"]
        self._answers, self._owner, self._has_too_much_memory = answers, owner, has_too_much_memory
        self._passed_bytes = 0

    def watch(self, child: int, pipes: Pipes, end_job: Callable[[], int]) -> Ending:
        """Wait for the process or for a limit, then end the job with `end_job`, which returns the process's wait status."""
        started = time.monotonic()
        how = self._wait(child, pipes.result_read)
        if how == "exited":
            self._pass_on(pipes.result_read)
        seconds = time.monotonic() - started
        code = os.waitstatus_to_exitcode(end_job())
        ready = os.read(pipes.ready_read, MESSAGE_BYTES)
        if ready != READY:
            return Ending("setup_failed", ready.decode(errors="replace") or "the process died before it was ready", seconds)
        if how == "memory":
            return Ending("signal", "killed: its processes took too much memory together", seconds)
        if how != "exited":
            return Ending(how, "", seconds)
        if code < 0:
            return Ending("signal", f"killed by signal {-code}", seconds)
        return Ending("exited", f"exit status {code}", seconds)

    def _wait(self, child: int, result_read: int) -> str:
        started = memory_check = time.monotonic()
        poll = select.poll()
        poll.register(result_read, select.POLLIN)
        poll.register(self._owner, 0)
        process = _open_process(child)
        if process is not None:
            poll.register(process, select.POLLIN)
        longest = POLL_SECONDS if process is None else MEMORY_SECONDS if self._has_too_much_memory else self._wall_seconds
        try:
            while not _has_exited(child):
                now = time.monotonic()
                left = self._wall_seconds - (now - started)
                if left <= 0:
                    return "timeout"
                if self._has_too_much_memory is not None and now - memory_check >= MEMORY_SECONDS:
                    memory_check = now
                    if self._has_too_much_memory():
                        return "memory"
                for descriptor, events in poll.poll(1000 * min(left, longest)):
                    if descriptor == self._owner:
                        raise SystemExit
                    if descriptor == result_read and not (events & select.POLLIN and self._pass_on(result_read)):
                        poll.unregister(result_read)
                if self._passed_bytes > self._most_bytes:
                    return "flood"
            return "exited"
        finally:
            if process is not None:
                os.close(process)

    def _pass_on(self, result_read: int) -> int:
        count = pass_on(result_read, self._answers)
        self._passed_bytes += count
        return count


def _open_process(child: int) -> int | None:
    """A descriptor that tells when the process ends, where the system has such."""
    try:
        return os.pidfd_open(child) if sys.platform == "linux" else None
    except OSError:
        return None


def _has_exited(child: int) -> bool:
    """Whether the job's first process is a zombie by now; it stays one, so that its number is not given to another."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
