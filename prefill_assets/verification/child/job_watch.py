"""Watching a running job: its time, its output and its memory, and how it ended."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .reporting import keep_genuine

READY = b"ready"
POLL_SECONDS = 0.05
MEMORY_SECONDS = 0.02
READ_BYTES = 1 << 16
SIGNALS = "signal"


@dataclass
class Ending:
    """How a job ended: `exited`, `signal`, `timeout`, `flood`, or `setup_failed` (ours to mend, not the submission's)."""

    how: str
    detail: str
    payload: bytes
    seconds: float


@dataclass(frozen=True)
class Pipes:
    """A job's two pipes: what it says before the submission runs, and what it sends of it."""

    ready_read: int
    ready_write: int
    result_read: int
    result_write: int

    def close(self) -> None:
        for descriptor in (self.ready_read, self.result_read):
            os.close(descriptor)

    def close_writing_ends(self) -> None:
        for descriptor in (self.ready_write, self.result_write):
            os.close(descriptor)


def open_pipes() -> Pipes:
    return Pipes(*os.pipe(), *os.pipe())


def watch_job(
    child: int,
    job: dict[str, Any],
    token: bytes,
    pipes: Pipes,
    end_job: Callable[[], int],
    has_too_much_memory: Callable[[], bool] | None = None,
    owner: int | None = None,
) -> Ending:
    """Wait for the job's process `child` or for a limit, then end the job with `end_job`, which returns the wait status.

    `owner` is a descriptor whose other end our owner holds: SystemExit when it is gone.
    """
    started = time.monotonic()
    written = bytearray()
    how = _wait(child, job, pipes.result_read, written, has_too_much_memory, owner)
    seconds = time.monotonic() - started
    if how == "exited":
        _read_available(pipes.result_read, written, job["result_bytes"])
    status = end_job()
    ready = os.read(pipes.ready_read, READ_BYTES)
    if ready != READY and how == "exited":
        return Ending("setup_failed", ready.decode(errors="replace") or "the process died before it was ready", b"", seconds)
    payload, has_junk = keep_genuine(bytes(written), token)
    if how == "memory":
        return Ending(SIGNALS, "killed: its processes took too much memory together", payload, seconds)
    if how != "exited":
        return Ending(how, "", payload, seconds)
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return Ending(SIGNALS, f"killed by signal {-code}", payload, seconds)
    return Ending("exited", "wrote to the verifier's channel" if has_junk else f"exit status {code}", payload, seconds)


def _wait(
    child: int,
    job: dict[str, Any],
    result_read: int,
    written: bytearray,
    has_too_much_memory: Callable[[], bool] | None,
    owner: int | None,
) -> str:
    deadline = time.monotonic() + job["wall_seconds"]
    memory_check = time.monotonic() + MEMORY_SECONDS
    poll = select.poll()
    poll.register(result_read, select.POLLIN)
    if owner is not None:
        poll.register(owner, 0)
    process = _open_process(child)
    if process is not None:
        poll.register(process, select.POLLIN)
    os.set_blocking(result_read, False)
    longest = POLL_SECONDS if process is None else MEMORY_SECONDS if has_too_much_memory else job["wall_seconds"]
    try:
        while not _has_exited(child):
            now = time.monotonic()
            if now >= deadline:
                return "timeout"
            if has_too_much_memory is not None and now >= memory_check:
                memory_check = now + MEMORY_SECONDS
                if has_too_much_memory():
                    return "memory"
            ready = {descriptor for descriptor, _ in poll.poll(1000 * min(deadline - now, longest))}
            if owner in ready:
                raise SystemExit
            if result_read in ready and not _read_available(result_read, written, job["result_bytes"]):
                poll.unregister(result_read)
            if len(written) > job["result_bytes"]:
                return "flood"
        return "exited"
    finally:
        if process is not None:
            os.close(process)


def _open_process(child: int) -> int | None:
    """A descriptor that tells when the process ends, where the system has such."""
    try:
        return os.pidfd_open(child) if sys.platform == "linux" else None
    except OSError:
        return None


def _read_available(descriptor: int, written: bytearray, most: int) -> bool:
    """Append what can be read at once, up to a little over `most`; False at the end of the file."""
    while len(written) <= most:
        try:
            chunk = os.read(descriptor, READ_BYTES)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        written += chunk
    return True


def _has_exited(child: int) -> bool:
    """Whether the job's first process is a zombie by now; it stays one, so that its number is not given to another."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
