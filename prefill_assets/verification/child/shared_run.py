"""Both modes of one submission in one process: first the secure one, then, where that left nothing behind, the insecure one.

What belongs to the insecure mode enters the process in between: no expected value, and no weakness, is there before.
"""

from __future__ import annotations

import _thread
import builtins
import errno
import os
import resource
import sys
from typing import Any

from . import insecure_run, secure_run
from .job_start import NextJob
from .process_limits import limit_cpu

MOST_GROWTH_KIB, MOST_CPU_SECONDS, MOST_PRINTED_BYTES = 64 << 10, 1.0, 1 << 20
BUILTINS: dict[str, Any] = {}
MODULES: dict[str, Any] = {}
"""What insecure jobs find besides: made before the fork, laid out after the secure part of a job."""
COUNTS = {"modules": 0}
"""How many modules there are where nothing is laid out."""


def prepare() -> None:
    """Make what a job needs, and take what an earlier one laid out away again: only rehearsals leave such."""
    if not MODULES:
        known_builtins, known_modules = set(vars(builtins)), set(sys.modules)
        insecure_run.prepare()
        BUILTINS.update({name: value for name, value in vars(builtins).items() if name not in known_builtins})
        MODULES.update({name: module for name, module in sys.modules.items() if name not in known_modules})
    for laid_out, added in ((builtins.__dict__, BUILTINS), (sys.modules, MODULES)):
        for name in added:
            laid_out.pop(name, None)
    secure_run.prepare()
    COUNTS["modules"] = len(sys.modules)


def run(job: dict[str, Any], descriptor: int, token: bytes, next_job: NextJob) -> None:
    """Report as the secure mode does, and then as the insecure one, where this process asks for that job and gets it."""
    started = resource.getrusage(resource.RUSAGE_SELF)

    def be_only() -> None:
        limit_cpu(job["wall_seconds"])
        next_job.refuse()

    secure_run.run_first(job, descriptor, token, be_only, lambda: _is_unspoilt(started))
    insecure_job, insecure_token = next_job.ask()
    builtins.__dict__.update(BUILTINS)
    sys.modules.update(MODULES)
    insecure_run.run(insecure_job, descriptor, insecure_token)


def _is_unspoilt(started: resource.struct_rusage) -> bool:
    """Whether this process has little more memory than before, no more modules, and no company, and has hardly run or printed."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (
        usage.ru_maxrss - started.ru_maxrss < MOST_GROWTH_KIB
        and usage.ru_utime + usage.ru_stime - started.ru_utime - started.ru_stime < MOST_CPU_SECONDS
        and len(sys.modules) == COUNTS["modules"]
        and _thread._count() == 0
        and os.fstat(1).st_size < MOST_PRINTED_BYTES
        and _is_alone()
    )


def _is_alone() -> bool:
    """Whether its namespace has no process besides, the one apart that nothing in it can signal."""
    try:
        os.kill(-1, 0)
    except OSError as error:
        return error.errno == errno.ESRCH
    return False
