"""The embedded verifier: djinn's contract on this machine, in sandboxed processes, with nothing to install."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from prefill_assets.sources.problem import VERIFIED_FIELDS
from prefill_assets.verification.crew import Crew, count_cores, take_in_order
from prefill_assets.verification.insecure_mode import verify_insecurely
from prefill_assets.verification.isolation import DESCRIPTIONS, ISOLATED, choose_level
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.secure_mode import verify_securely
from prefill_assets.verification.shared_mode import verify_in_one_process
from prefill_assets.verification.source_hash import hash_sources
from prefill_assets.verification.spurious_mode import find_right_answers
from prefill_assets.verification.verdict_text import describe_fault
from prefill_assets.verification.worker_process import WorkerProcess

RULES_NUMBER = 1
"""Raise it where verdicts change for a reason that is not in the source files."""

HERE = Path(__file__).parent
OWN_FILES = (
    "comparison",
    "crew",
    "embedded",
    "insecure_mode",
    "isolation",
    "limits",
    "rehearsal",
    "sandbox_root",
    "secure_mode",
    "shared_mode",
    "spurious_mode",
    "verdict_text",
    "worker_process",
)
REMEMBERED = 10_000


class EmbeddedVerifier:
    """Judges every submission in a secure and an insecure mode, under limits.

    `workers`: how many submissions are judged at once (default: the cores that we may use). `level`: `bubblewrap`, `namespaces`
    or `plain`; None means the strongest that works here, and only with `allow_unsandboxed` may that be `plain`: without, `verify`
    and `description` raise InputError where nothing isolates. Processes live only while `verify` runs. Without `shares_process`
    each mode has a process of its own even where sharing one changes no verdict, at twice the cost.
    """

    name = "embedded"

    def __init__(
        self,
        workers: int | None = None,
        limits: Limits | None = None,
        level: str | None = None,
        allow_unsandboxed: bool = False,
        shares_process: bool = True,
    ):
        self.workers = workers or count_cores()
        self.limits = limits or Limits()
        self.shares_process = shares_process
        self._wanted_level = level
        self._allow_unsandboxed = allow_unsandboxed

    @property
    def version(self) -> str:
        """The rules' number and a hash of the verifier's own source files."""
        return f"{RULES_NUMBER}-{self._source_hash}"

    @cached_property
    def _source_hash(self) -> str:
        halves = sorted([*(HERE / "child").rglob("*.py"), *(HERE / "insecure").glob("*.py")])
        return hash_sources(HERE, [*(HERE / f"{name}.py" for name in OWN_FILES), *halves])

    @cached_property
    def level(self) -> str:
        return self._wanted_level or choose_level(self._allow_unsandboxed)

    @property
    def description(self) -> str:
        """Name, version, workers, and what stands between submissions and this machine."""
        return f"{self.name} {self.version}, {self.workers} workers, {DESCRIPTIONS[self.level]}"

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        """One Verification a submission, in order, while later ones are being judged.

        Submissions are taken as they are needed, at most 16 a worker ahead. One that equals one of the last 10,000 is
        not judged again.
        """
        judge = _Judge(self.level, self.limits, self.shares_process)
        with judge.crew.open_threads(self.workers) as threads:
            yield from take_in_order(_submit_once(submissions, judge.verify, threads), self.workers)


def _submit_once(
    submissions: Iterable[Submission], verify: Callable[[Submission], Verification], threads: Executor
) -> Iterator[Future[Verification]]:
    known: dict[bytes, Future[Verification]] = {}
    for submission in submissions:
        key = _identify(submission)
        if key not in known:
            known[key] = threads.submit(verify, submission)
            if len(known) > REMEMBERED:
                del known[next(iter(known))]
        yield known[key]


class _Judge:
    """Judges with up to three workers a thread: for plain submissions in both modes, for the secure mode of the others (it never
    hears of expected values), and for their insecure mode."""

    def __init__(self, level: str, limits: Limits, shares_process: bool):
        self._limits = limits
        self._has_private_tmp = level in ISOLATED
        self._shares_process = shares_process and level in ISOLATED
        self.crew = Crew(lambda mode, number: WorkerProcess(mode, number, level))

    def verify(self, submission: Submission) -> Verification:
        secure, insecure = self._attempt_both(submission) if self._shares_process else (None, None)
        secure = secure or self._attempt("secure", lambda worker: verify_securely(submission, worker, self._limits))
        insecure = insecure or self._attempt(
            "insecure", lambda worker: verify_insecurely(submission, worker, self._limits, self._has_private_tmp)
        )
        verification = Verification(secure, insecure)
        if not verification.exploit_success:
            return verification
        return replace(verification, has_right_answers=self._ask_for_right_answers(submission))

    def _attempt_both(self, submission: Submission) -> tuple[Verdict | None, Verdict | None]:
        """What one process could tell; where it failed, processes of their own tell why."""
        try:
            return self.crew.ask_once("both", lambda worker: verify_in_one_process(submission, worker, self._limits))
        except Exception:  # a WorkerError, or of malformed tests
            return None, None

    def _ask_for_right_answers(self, submission: Submission) -> bool | None:
        try:
            return self.crew.ask_once("secure", lambda worker: find_right_answers(submission, worker, self._limits))
        except Exception:  # a WorkerError, or of tests that JSON cannot carry
            return None

    def _attempt(self, mode: str, judge: Callable[[WorkerProcess], Verdict]) -> Verdict:
        """A verdict; VERIFIER_ERROR where two workers broke over it, or where our own code failed."""
        try:
            return self.crew.ask(mode, judge)
        except Exception as error:
            return Verdict(Status.VERIFIER_ERROR, describe_fault(error), 0.0)


def _identify(submission: Submission) -> bytes:
    """What decides the verdicts. By repr, which tells tuples from lists and 1 from True where JSON and `==` do not.

    Where tests have no repr (an int of thousands of digits), nothing is equal to them.
    """
    problem = submission.problem
    try:
        text = repr([submission.code, *(getattr(problem, name) for name in VERIFIED_FIELDS)])
    except (ValueError, RecursionError):
        return os.urandom(32)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
