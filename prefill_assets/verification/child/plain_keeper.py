"""The keeper of jobs without isolation: limits, a scratch folder, and an end for what a job leaves running."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from . import process_limits
from .job_start import Runner, run_job
from .job_watch import Ending, JobWatch, open_pipes
from .system_calls import PR_SET_CHILD_SUBREAPER, control_process

EXIT_SECONDS = 0.0005


def keep_plain_job(
    head: dict[str, Any], run: Runner, job_uid: int | None, counted_processes: int, jobs: int, answers: int
) -> Ending:
    """As `Keeper.keep`, in a process that was forked for this one job."""
    process_limits.die_with_parent()
    control_process(PR_SET_CHILD_SUBREAPER, 1)
    scratch = _make_scratch(job_uid)

    def isolate() -> None:
        os.setsid()
        process_limits.apply_limits(head["limits"], counted_processes)
        process_limits.limit_cpu(head["wall_seconds"])
        if job_uid is not None:
            process_limits.become_user(job_uid)
        process_limits.gain_no_privileges()
        process_limits.die_with_parent()
        os.chdir(scratch)
        process_limits.detach_descriptors({jobs, pipes.ready_write, pipes.result_write})

    pipes = open_pipes()
    child = os.fork()
    if child == 0:
        run_job(run, jobs, pipes, isolate)
    pipes.close_writing_ends()
    try:
        return JobWatch(head, answers, jobs).watch(child, pipes, lambda: _end_job(child))
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
