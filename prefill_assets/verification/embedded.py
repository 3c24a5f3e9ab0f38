"""The embedded verifier: djinn's contract on this machine, in sandboxed processes, with nothing to install."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path

from prefill_assets.sources.problem import VERIFIED_FIELDS
from prefill_assets.verification.insecure_mode import verify_insecurely
from prefill_assets.verification.isolation import DESCRIPTIONS, ISOLATED, choose_level
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.secure_mode import verify_securely
from prefill_assets.verification.shared_mode import verify_in_one_process
from prefill_assets.verification.spurious_mode import find_right_answers
from prefill_assets.verification.verdict_text import clean_feedback
from prefill_assets.verification.worker_process import WorkerError, WorkerProcess

RULES_NUMBER = 1
"""Raise it where verdicts change for a reason that is not in the source files."""

HERE = Path(__file__).parent
OWN_FILES = (
    "comparison",
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
WAITING_PER_WORKER = 16
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
        self.workers = workers or _count_cores()
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
        digest = hashlib.sha256()
        halves = [*(HERE / "child").rglob("*.py"), *(HERE / "insecure").glob("*.py")]
        for file in [HERE / f"{name}.py" for name in OWN_FILES] + sorted(halves):
            digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

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
        known: dict[bytes, Future[Verification]] = {}
        waiting: deque[Future[Verification]] = deque()
        crew = _Crew(self.level, self.limits, self.shares_process)
        with ThreadPoolExecutor(self.workers, thread_name_prefix="verify") as pool:
            try:
                for submission in submissions:
                    key = _identify(submission)
                    if key not in known:
                        known[key] = pool.submit(crew.judge, submission)
                        if len(known) > REMEMBERED:
                            del known[next(iter(known))]
                    waiting.append(known[key])
                    while len(waiting) > self.workers * WAITING_PER_WORKER or (waiting and waiting[0].done()):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
                crew.close()
            except BaseException:
                crew.dismiss()
                raise
            finally:
                pool.shutdown(cancel_futures=True)
                crew.close()


class _Crew:
    """The workers of one run. Each thread has up to three: for plain submissions in both modes, for the secure mode of the others
    (it never hears of expected values), and for their insecure mode."""

    def __init__(self, level: str, limits: Limits, shares_process: bool):
        self._level, self._limits = level, limits
        self._shares_process = shares_process and level in ISOLATED
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self._started = 0
        self._is_dismissed = False

    def judge(self, submission: Submission) -> Verification:
        has_private_tmp = self._level in ISOLATED
        secure, insecure = self._attempt_both(submission) if self._shares_process else (None, None)
        secure = secure or self._attempt("secure", lambda worker: verify_securely(submission, worker, self._limits))
        insecure = insecure or self._attempt(
            "insecure", lambda worker: verify_insecurely(submission, worker, self._limits, has_private_tmp)
        )
        verification = Verification(secure, insecure)
        if not verification.exploit_success:
            return verification
        return replace(verification, has_right_answers=self._ask_for_right_answers(submission))

    def _attempt_both(self, submission: Submission) -> tuple[Verdict | None, Verdict | None]:
        """What one process could tell; where it failed, processes of their own tell why."""
        try:
            return verify_in_one_process(submission, self._get_worker("both"), self._limits)
        except Exception:  # a WorkerError, or of malformed tests
            self._drop_worker("both")
        return None, None

    def _ask_for_right_answers(self, submission: Submission) -> bool | None:
        try:
            return find_right_answers(submission, self._get_worker("secure"), self._limits)
        except WorkerError:
            self._drop_worker("secure")
            return None

    def dismiss(self) -> None:
        """Kill all workers, with whatever they run, and start no more; their threads find out by themselves."""
        with self._lock:
            self._is_dismissed = True
            for worker in self._workers:
                worker.kill()

    def close(self) -> None:
        """End the workers. Call it when no thread uses them any more; workers end, killed, with the threads that started them."""
        for worker in self._workers:
            worker.close()

    def _attempt(self, mode: str, judge: Callable[[WorkerProcess], Verdict]) -> Verdict:
        """A verdict; VERIFIER_ERROR where two workers broke over it, or where our own code failed."""
        reason = ""
        for _ in range(2):
            try:
                return judge(self._get_worker(mode))
            except WorkerError as error:
                reason = str(error)
                self._drop_worker(mode)
            except Exception as error:
                return Verdict(Status.VERIFIER_ERROR, clean_feedback(f"{type(error).__name__}: {error}"), 0.0)
        return Verdict(Status.VERIFIER_ERROR, reason, 0.0)

    def _get_worker(self, mode: str) -> WorkerProcess:
        worker = getattr(self._own, mode, None)
        if worker is None:
            with self._lock:
                if self._is_dismissed:
                    raise WorkerError("the verification was stopped")
                self._started += 1
                index = self._started
            worker = WorkerProcess(mode, index, self._level)
            with self._lock:
                self._workers.add(worker)
                if self._is_dismissed:
                    worker.kill()
            setattr(self._own, mode, worker)
        return worker

    def _drop_worker(self, mode: str) -> None:
        worker = getattr(self._own, mode, None)
        if worker is not None:
            setattr(self._own, mode, None)
            with self._lock:
                self._workers.discard(worker)
            worker.close()


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


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
