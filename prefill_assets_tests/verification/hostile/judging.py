"""Judges hostile cases one after the other with the same workers, an honest submission after each."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Submission, Verification
from prefill_assets.verification.sandbox_root import find_python
from prefill_assets_tests.verification.hostile.case import Case
from prefill_assets_tests.verification.judging import make_problem

LIMITS = Limits(
    import_seconds=0.5,
    test_seconds=0.5,
    test_extra_seconds=0.05,
    start_seconds=0.5,
    alarm_seconds=0.7,
    insecure_seconds=1,
    override_seconds=0.5,
    memory_mib=256,
    result_bytes=1 << 20,
)


def judge_cases(cases: Iterable[Case], level: str, port: int, abstract: str) -> dict[str, tuple[Verification, Verification]]:
    """For each case, by name, what it got and what the honest one after it got."""
    values = {
        "$PORT": str(port),
        "$ABSTRACT": abstract,
        "$PROJECT": str(Path(__file__).parents[3]),
        "$HOME": str(Path.home()),
        "$PYTHON": find_python(),
        "$LIBRARY": str(Path(os.path.realpath(os.__file__)).parent.parent),
        "$PID": str(os.getpid()),
    }
    cases = list(cases)
    submissions = []
    for number, case in enumerate(cases):
        code = case.code
        for name, value in values.items():
            code = code.replace(name, value)
        honest = Submission(make_problem(), f"def f(x): return x * 2 # {number}")
        submissions += [Submission(make_problem(case.tests, case.exploit_type), code), honest]
    verifications = list(EmbeddedVerifier(workers=1, limits=LIMITS, level=level).verify(submissions))
    pairs = zip(verifications[::2], verifications[1::2], strict=True)
    return {case.name: pair for case, pair in zip(cases, pairs, strict=True)}


def find_difference(case: Case, hostile: Verification, honest: Verification) -> str | None:
    """What went otherwise than it must, or None."""
    got = hostile.secure.status, hostile.insecure.status
    if got != (case.secure, case.insecure) or case.says not in hostile.secure.feedback:
        return f"{case.name}: {hostile}"
    if (honest.secure.passed, honest.insecure.passed) != (True, True):
        return f"{case.name}: the honest submission after it got {honest}"
    return None
