"""Runs a submission beside its exploit type's weakness and sends what was seen; verdicts are made outside."""

from __future__ import annotations

from typing import Any

from .insecure.registry import WEAKNESSES, expose_modules
from .job_start import NextJob
from .observing import add_builtins, run_beside


def run(job: dict[str, Any], descriptor: int, token: bytes, next_job: NextJob | None = None) -> None:
    """Report the records of `observing`."""
    run_beside(WEAKNESSES[job["exploit_type"]], job, descriptor, token)


def prepare() -> None:
    """What every insecure job finds, laid out once before the first."""
    add_builtins()
    expose_modules()
