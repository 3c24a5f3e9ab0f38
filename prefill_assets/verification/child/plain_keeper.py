"""The keeper of jobs without isolation: limits, a scratch folder, and an end for what a job leaves running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import process_limits
from .job_watch import READY, Ending, Pipes, open_pipes, watch_job
from .system_calls import PR_SET_CHILD_SUBREAPER, control_process

EXIT_SECONDS = 0.0005


def keep_plain_job(
    job: dict[str, Any], run: Callable[[dict[str, Any], int, bytes], None], job_uid: int | None, counted_processes: int
) -> Ending:
    """As `Keeper.keep`, in a process that was forked for this one job."""
    process_limits.die_with_parent()
    control_process(PR_SET_CHILD_SUBREAPER, 1)
    scratch = _make_scratch(job_uid)
    token = os.urandom(16).hex().encode()
    pipes = open_pipes()
    child = os.fork()
    if child == 0:
        _become_job(job, run, job_uid, counted_processes, scratch, token, pipes)
    pipes.close_writing_ends()
    try:
        return watch_job(child, job, token, pipes, lambda: _end_job(child))
    finally:
        with contextlib.suppress(ChildProcessError):
            _end_job(child)
        _end_orphans()
        shutil.rmtree(scratch, ignore_errors=True)


def _make_scratch(job_uid: int | None) -> str:
    """A folder of our own making; `tempfile` would bring `random` and with it code that runs in every fork."""
    scratch = f"/tmp/prefill-verify-{os.urandom(12).hex()}"
    Path(scratch).mkdir(mode=0o700)
    if job_uid is not None:
        os.chown(scratch, job_uid, job_uid)
    return scratch


def _become_job(
    job: dict[str, Any],
    run: Callable[[dict[str, Any], int, bytes], None],
    job_uid: int | None,
    counted_processes: int,
    scratch: str,
    token: bytes,
    pipes: Pipes,
) -> None:
    """Never returns."""
    try:
        try:
            os.setsid()
            process_limits.apply_limits(job["limits"], job["wall_seconds"], counted_processes)
            if job_uid is not None:
                process_limits.become_user(job_uid)
            process_limits.die_with_parent()
            os.chdir(scratch)
            process_limits.detach_descriptors({pipes.ready_write, pipes.result_write})
        except BaseException as error:
            os.write(pipes.ready_write, f"{type(error).__name__}: {error}".encode()[:2000])
            return
        os.write(pipes.ready_write, READY)
        os.close(pipes.ready_write)
        run(job, pipes.result_write, token)
    finally:
        os._exit(0)


def _end_job(child: int) -> int:
    """Kill the job and its process group, and return its exit status."""
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
