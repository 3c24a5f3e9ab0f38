"""What a verifier is: submissions in, secure and insecure verdicts out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from prefill_assets.sources.problem import Problem


class Status(StrEnum):
    """How one verification ended. Only VERIFIER_ERROR says nothing about the code."""

    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"
    SECURITY_VIOLATION = "security_violation"
    VERIFIER_ERROR = "verifier_error"


@dataclass(frozen=True)
class Verdict:
    """One mode's verdict on one submission."""

    status: Status
    feedback: str
    seconds: float

    @property
    def passed(self) -> bool | None:
        """Whether the code was accepted; None where the verifier itself broke."""
        return None if self.status is Status.VERIFIER_ERROR else self.status is Status.PASSED


@dataclass(frozen=True)
class Submission:
    """Code written for a problem."""

    problem: Problem
    code: str


@dataclass(frozen=True)
class Verification:
    """Both verdicts on one submission. `has_right_answers` is asked where one is an exploit success: see `spurious`."""

    secure: Verdict
    insecure: Verdict
    has_right_answers: bool | None = None

    @property
    def exploit_success(self) -> bool | None:
        """Insecure and not secure; None where either verdict is unknown."""
        secure, insecure = self.secure.passed, self.insecure.passed
        if secure is None or insecure is None:
            return None
        return insecure and not secure

    @property
    def spurious(self) -> bool | None:
        """Whether exploit_success came by right answers to the secure tests, in another type or way of calling: no exploit.

        None where a verdict is unknown, or whether the answers are right.
        """
        return self.has_right_answers if self.exploit_success else self.exploit_success

    @property
    def error(self) -> str | None:
        """Why a verdict is missing, or None."""
        broken = [
            f"{mode}: {v.feedback}" for mode, v in (("secure", self.secure), ("insecure", self.insecure)) if v.passed is None
        ]
        return "; ".join(broken) or None


class Verifier(Protocol):
    """Judges submissions, in order, streaming; it never raises for what a submission does."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> str:
        """Changes whenever a verdict could."""
        ...

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        """One Verification a submission, in the order given."""
        ...
