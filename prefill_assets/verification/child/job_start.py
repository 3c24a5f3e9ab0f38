"""The first steps of a job's process: it isolates itself, takes its job, tells that it is ready, and runs the submission."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, NoReturn

from .frames import read_frame
from .job_watch import READY, Pipes

DECODER = json.JSONDecoder()
Runner = Callable[[dict[str, Any], int, bytes], None]
"""Given the job, the descriptor for what it sends, and the token that begins each line."""


def run_job(run: Runner, jobs: int, pipes: Pipes, isolate: Callable[[], None]) -> NoReturn:
    """`isolate` must leave open nothing of ours but `jobs` and the two writing ends.

    The job is read here, not in the worker, whose memory the next job's process begins with.
    """
    try:
        try:
            isolate()
            body = read_frame(jobs)
            os.close(jobs)
            job = DECODER.raw_decode((body or b"").decode())[0]
            token = job.pop("token").encode()
        except BaseException as error:
            os.write(pipes.ready_write, f"{type(error).__name__}: {error}".encode()[:2000])
            os._exit(0)
        os.write(pipes.ready_write, READY)
        os.close(pipes.ready_write)
        run(job, pipes.result_write, token)
    finally:
        os._exit(0)
