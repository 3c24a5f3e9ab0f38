"""Watching a running job: its time, its output and its memory, and how it ended."""

from __future__ import annotations

import json
import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .frames import forward_frame, pass_on, write_frame

READY, ASKS = b"ready", b" asks"
POLL_SECONDS = 0.05
MEMORY_SECONDS = 0.02
MESSAGE_BYTES = 4000


@dataclass
class Ending:
    """How a job ended: `exited`, `signal`, `timeout`, `flood`, or `setup_failed` (ours to mend, not the submission's).

    Of the first of two: `asks`, where its process waits for the second, or `declined` where it waited and none was sent.
    """

    how: str
    detail: str
    seconds: float


class Pipes(NamedTuple):
    """A job's pipes: what it says before the submission runs, what it sends of it, and its second job, if it may have one."""

    ready_read: int
    ready_write: int
    result_read: int
    result_write: int
    next_read: int = -1
    next_write: int = -1

    def close_reading_ends(self) -> None:
        os.close(self.ready_read)
        os.close(self.result_read)
        if self.next_read >= 0:
            os.close(self.next_read)
            os.close(self.next_write)

    def close_writing_ends(self) -> None:
        os.close(self.ready_write)
        os.close(self.result_write)


def open_pipes(has_next: bool = False) -> Pipes:
    return Pipes(*os.pipe(), *os.pipe(), *(os.pipe() if has_next else ()))


class JobWatch:
    """Watches one job's process, and passes on what it sends to `answers`, in frames.

    `owner` is a descriptor whose other end our owner holds: SystemExit when it is gone.
    """

    def __init__(self, head: dict[str, Any], answers: int, owner: int, has_too_much_memory: Callable[[], bool] | None = None):
        """`head` has the job's `number`, `wall_seconds` and `result_bytes`, and `next_wall_seconds` where a second may follow."""
        self._head = head
        self._wall_seconds, self._most_bytes = head["wall_seconds"], head["result_bytes"]
        self._answers, self._owner, self._has_too_much_memory = answers, owner, has_too_much_memory
        self._passed_bytes = 0
        self._said = b""

    def watch(self, child: int, pipes: Pipes, end_job: Callable[[], int]) -> Ending:
        """Wait for the process or for a limit, then end the job with `end_job`, which returns the process's wait status."""
        started, status = time.monotonic(), None
        how = self._wait(child, pipes.result_read, pipes.ready_read if pipes.next_read >= 0 else -1)
        if how == "asks":
            self._pass_on(pipes.result_read)
            how = "flood" if self._passed_bytes > self._most_bytes else "asks"
        if how == "asks":
            self._answer_first(time.monotonic() - started)
            if not self._wait_for_owner():
                how, status = "memory", end_job()
            length = forward_frame(self._owner, pipes.next_write)
            if length is None:
                raise SystemExit
            started = time.monotonic()
            if how == "asks":
                how = self._wait(child, pipes.result_read, -1) if length else "declined"
        if how == "exited":
            self._pass_on(pipes.result_read)
        seconds = time.monotonic() - started
        code = os.waitstatus_to_exitcode(end_job() if status is None else status)
        ready = self._said or os.read(pipes.ready_read, MESSAGE_BYTES)
        if not ready.startswith(READY):
            return Ending("setup_failed", ready.decode(errors="replace") or "the process died before it was ready", seconds)
        if how == "memory":
            return Ending("signal", "killed: its processes took too much memory together", seconds)
        if how != "exited":
            return Ending(how, "", seconds)
        if code < 0:
            return Ending("signal", f"killed by signal {-code}", seconds)
        return Ending("exited", f"exit status {code}", seconds)

    def _answer_first(self, seconds: float) -> None:
        """Tell how the first job ended. All that it sent is passed on: from here on its verdict is settled."""
        ending = {"number": self._head["number"], **vars(Ending("asks", "exit status 0", seconds))}
        write_frame(self._answers, b"", json.dumps(ending).encode())
        self._passed_bytes, self._wall_seconds = 0, self._head["next_wall_seconds"]

    def _wait_for_owner(self) -> bool:
        """Wait for the second job, or that there is none; False where the processes of the first took too much memory first."""
        poll = select.poll()
        poll.register(self._owner, select.POLLIN)
        while not poll.poll(1000 * MEMORY_SECONDS):
            if self._has_too_much_memory is not None and self._has_too_much_memory():
                return False
        return True

    def _wait(self, child: int, result_read: int, ready_read: int) -> str:
        started = memory_check = time.monotonic()
        poll = select.poll()
        poll.register(result_read, select.POLLIN)
        poll.register(self._owner, 0)
        if ready_read >= 0:
            poll.register(ready_read, select.POLLIN)
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
                    if descriptor == ready_read:
                        self._said += os.read(ready_read, MESSAGE_BYTES)
                        if self._said == READY + ASKS:
                            return "asks"
                        if self._said != READY or not events & select.POLLIN:
                            poll.unregister(ready_read)
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
