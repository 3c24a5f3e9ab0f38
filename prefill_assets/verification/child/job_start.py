"""The first steps of a job's process: it isolates itself, takes its job, tells that it is ready, and runs the submission."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NoReturn

from .frames import read_frame
from .job_watch import ASKS, READY, Pipes

DECODER = json.JSONDecoder()


class NextJob:
    """A second job for the process of a first, which asks for it or refuses it."""

    def __init__(self, pipes: Pipes):
        self._pipes = pipes

    def ask(self) -> tuple[dict[str, Any], bytes]:
        """End the first job, and return the second with its token."""
        os.write(self._pipes.ready_write, ASKS)
        os.close(self._pipes.ready_write)
        return _read_job(self._pipes.next_read)

    def refuse(self) -> None:
        """Close what the first job need not see."""
        os.close(self._pipes.ready_write)
        os.close(self._pipes.next_read)


Runner = Callable[[dict[str, Any], int, bytes, NextJob], None]
"""Given the job, the descriptor for what it sends, the token that begins each line, and a second job, if there may be one."""


def run_job(run: Runner, jobs: int, pipes: Pipes, isolate: Callable[[], None]) -> NoReturn:
    """`isolate` must leave open nothing of ours but `jobs` and the two writing ends.

    The job is read here, not in the worker, whose memory the next job's process begins with.
    """
    try:
        try:
            isolate()
            job, token = _read_job(jobs)
            os.close(jobs)
        except BaseException as error:
            os.write(pipes.ready_write, f"{type(error).__name__}: {error}".encode()[:2000])
            os._exit(0)
        os.write(pipes.ready_write, READY)
        if pipes.next_read < 0:
            os.close(pipes.ready_write)
        run(job, pipes.result_write, token, NextJob(pipes))
    finally:
        os._exit(0)


def _read_job(descriptor: int) -> tuple[dict[str, Any], bytes]:
    job = DECODER.raw_decode((read_frame(descriptor) or b"").decode())[0]
    return job, job.pop("token").encode()
