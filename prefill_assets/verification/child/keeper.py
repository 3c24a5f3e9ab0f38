"""The keeper of one job: starts the process that runs the submission, watches its time and output, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import namespaces, process_limits
from .reporting import keep_genuine

READY = b"ready"
POLL_SECONDS = 0.05
EXIT_SECONDS = 0.0005
READ_BYTES = 1 << 16
SIGNAL_BASE = 128
"""How a namespace's first process passes on, as exit status, the signal that ended the submission."""


@dataclass(frozen=True)
class Isolation:
    """What the worker has: namespaces or not, the uid for jobs (None keeps ours), processes of ours that count in the limit."""

    namespaces: bool
    job_uid: int | None
    counted_processes: int


@dataclass
class Ending:
    """How a job ended: `exited`, `signal`, `timeout`, `flood`, or `setup_failed` (ours to mend, not the submission's)."""

    how: str
    detail: str
    payload: bytes
    seconds: float


def keep_job(job: dict[str, Any], run: Callable[[dict[str, Any], int, bytes], None], isolation: Isolation) -> Ending:
    """Run `run(job, result_fd, token)` in a process of its own and return how it ended, with the bytes that it wrote.

    `token` is random text that begins each genuine line of the payload; it is stripped here, and lines from the first without it
    on are dropped.
    """
    namespaces.control_process(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
    namespaces.control_process(namespaces.PR_SET_CHILD_SUBREAPER, 1)
    scratch = None if isolation.namespaces else _make_scratch()
    if isolation.namespaces:
        namespaces.enter_job_namespaces()
    token = os.urandom(16).hex().encode()
    ready_read, ready_write = os.pipe()
    result_read, result_write = os.pipe()
    child = os.fork()
    if child == 0:
        _become_job(job, run, isolation, scratch, token, ready_write, result_write)
    os.close(ready_write)
    os.close(result_write)
    try:
        return _watch(child, job, token, ready_read, result_read)
    finally:
        with contextlib.suppress(ChildProcessError):
            _end_job(child)
        _end_orphans()
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _make_scratch() -> str:
    """A folder of our own making; `tempfile` would bring `random` and with it code that runs in every fork."""
    scratch = f"/tmp/prefill-verify-{os.urandom(12).hex()}"
    Path(scratch).mkdir(mode=0o700)
    return scratch


def _become_job(
    job: dict[str, Any],
    run: Callable[[dict[str, Any], int, bytes], None],
    isolation: Isolation,
    scratch: str | None,
    token: bytes,
    ready_write: int,
    result_write: int,
) -> None:
    try:
        try:
            os.setsid()
            if isolation.namespaces:
                namespaces.mount_job_folders()
                scratch = "/tmp/scratch"
                Path(scratch).mkdir(mode=0o777)
                Path(scratch).chmod(0o777)
            elif isolation.job_uid is not None:
                os.chown(str(scratch), isolation.job_uid, isolation.job_uid)
            limits = dict(job["limits"])
            limits["processes"] = int(limits["processes"]) + isolation.counted_processes
            process_limits.apply_limits(limits, job["wall_seconds"])
            if isolation.namespaces or isolation.job_uid is not None:
                namespaces.drop_privileges(isolation.job_uid)
            namespaces.control_process(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
            os.chdir(str(scratch))
            process_limits.detach_descriptors({ready_write, result_write})
            if isolation.namespaces:
                _stay_as_init(ready_write, result_write)
        except BaseException as error:
            os.write(ready_write, f"{type(error).__name__}: {error}".encode()[:2000])
            return
        os.write(ready_write, READY)
        os.close(ready_write)
        run(job, result_write, token)
    finally:
        os._exit(0)


def _stay_as_init(ready_write: int, result_write: int) -> None:
    """Return in a child only. The first process of a namespace cannot be killed from inside, which would shield a submission from
    its own signals: so it stays behind, reaps, and ends, with everything else there, when the submission does."""
    runner = os.fork()
    if runner == 0:
        namespaces.control_process(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    os.close(ready_write)
    os.close(result_write)
    while True:
        pid, status = os.wait()
        if pid == runner:
            os._exit(SIGNAL_BASE + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status) % SIGNAL_BASE)


def _watch(child: int, job: dict[str, Any], token: bytes, ready_read: int, result_read: int) -> Ending:
    ready = b""
    while chunk := os.read(ready_read, READ_BYTES):
        ready += chunk
    if ready != READY:
        return Ending("setup_failed", ready.decode(errors="replace") or "the process died before it was ready", b"", 0.0)
    started = time.monotonic()
    written = bytearray()
    poll = select.poll()
    poll.register(result_read, select.POLLIN)
    os.set_blocking(result_read, False)
    is_open, how = True, "exited"
    while not _has_exited(child):
        left = job["wall_seconds"] - (time.monotonic() - started)
        if left <= 0 or len(written) > job["result_bytes"]:
            how = "timeout" if left <= 0 else "flood"
            break
        if is_open:
            poll.poll(1000 * min(left, POLL_SECONDS))
            is_open = _read_available(result_read, written, job["result_bytes"])
        else:
            time.sleep(EXIT_SECONDS)
    seconds = time.monotonic() - started
    if how == "exited":
        _read_available(result_read, written, job["result_bytes"])
    status = _end_job(child)
    payload, has_junk = keep_genuine(bytes(written), token)
    if how != "exited":
        return Ending(how, "", payload, seconds)
    code = os.waitstatus_to_exitcode(status)
    killer = -code if code < 0 else code - SIGNAL_BASE
    if killer > 0:
        return Ending("signal", f"killed by signal {killer}", payload, seconds)
    return Ending("exited", "wrote to the verifier's channel" if has_junk else f"exit status {code}", payload, seconds)


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


def _end_job(child: int) -> int:
    """Kill the job and its process group, and return its exit status. In namespaces this takes everything that it started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def _end_orphans() -> None:
    """Kill what the job moved out of its process group: orphans come to us, their subreaper."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    for _ in range(1000):
        with contextlib.suppress(OSError):
            for orphan in children.read_text().split():
                os.kill(int(orphan), signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(EXIT_SECONDS)
        except ChildProcessError:
            return
