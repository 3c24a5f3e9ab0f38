"""The djinn verifier: djinn's own verdicts, one worker process per core."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.verification.djinn.installation import Installation, find_installation
from prefill_assets.verification.djinn.sandbox import ENVIRONMENT, PLAIN, list_isolations, write_command
from prefill_assets.verification.djinn.worker_process import WorkerError, WorkerProcess
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.verdict_text import clean_feedback

HERE = Path(__file__).parent
WAITING_PER_WORKER = 16


class DjinnVerifier:
    """Judges submissions with djinn-framework, in both modes.

    `workers`: how many submissions are judged at once (default: the cores that we may use). `python`: an interpreter that has
    djinn (default: PREFILL_DJINN_PYTHON, else this one). It runs in bubblewrap; where that cannot be had, `verify` raises
    InputError unless `allow_unsandboxed`, and then judges one submission at a time, as djinn's files in /tmp are shared.
    """

    name = "djinn"

    def __init__(self, workers: int | None = None, python: str | None = None, allow_unsandboxed: bool = False):
        self._wanted_workers = workers
        self._python = python
        self._allow_unsandboxed = allow_unsandboxed

    @property
    def version(self) -> str:
        """A hash of djinn's verification sources and one of this adapter's. Raises InputError where there is no djinn."""
        return f"{self._installation.version}-{self._source_hash}"

    @property
    def description(self) -> str:
        """Name, version, workers, and what stands between submissions and this machine."""
        kind = "NO SANDBOX" if self.isolation == PLAIN else f"{self.isolation}, a fresh daemon with a private /tmp for each"
        return f"{self.name} {self.version}, {self.workers} workers, {kind}"

    @property
    def workers(self) -> int:
        return 1 if self.isolation == PLAIN else self._wanted_workers or _count_cores()

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        """One Verification a submission, in order, while later ones are being judged.

        Raises InputError, before the first, where djinn or its sandbox does not work here.
        """
        workers = self.workers
        crew = _Crew(self._write_command)
        waiting: deque[Future[Verification]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="djinn") as pool:
            try:
                for submission in submissions:
                    waiting.append(pool.submit(crew.judge, submission))
                    while len(waiting) > workers * WAITING_PER_WORKER or (waiting and waiting[0].done()):
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                crew.dismiss()
                pool.shutdown(cancel_futures=True)
                crew.close()

    @cached_property
    def _installation(self) -> Installation:
        return find_installation(self._python)

    @cached_property
    def isolation(self) -> str:
        """The strongest in which a worker starts here. Raises InputError where there is none, or no djinn."""
        faults = []
        for isolation in [*list_isolations(), *([PLAIN] if self._allow_unsandboxed else [])]:
            try:
                WorkerProcess(write_command(isolation, self._installation), ENVIRONMENT).close()
                return isolation
            except WorkerError as error:
                faults.append(f"{isolation}: {error}")
        raise InputError(
            f"djinn runs model code, and nothing here keeps it in ({'; '.join(faults) or 'no Linux'})",
            path=self._installation.python,
            remedy="mend what this names, install bubblewrap, use the embedded verifier, or set allow_unsandboxed",
        )

    @cached_property
    def _source_hash(self) -> str:
        digest = hashlib.sha256()
        for file in sorted(HERE.rglob("*.py")):
            digest.update(file.relative_to(HERE).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]

    def _write_command(self) -> list[str]:
        return write_command(self.isolation, self._installation)


class _Crew:
    """The workers of one run, one a thread."""

    def __init__(self, write_command: Callable[[], list[str]]):
        self._write_command = write_command
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[WorkerProcess] = set()
        self._is_dismissed = False

    def judge(self, submission: Submission) -> Verification:
        """djinn's verdicts; VERIFIER_ERROR for both where two workers broke over it, or where our own code failed."""
        reason = ""
        for _ in range(2):
            try:
                return self._get_worker().verify(submission)
            except WorkerError as error:
                reason = str(error)
                self._drop_worker()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self._drop_worker()
                break
        broken = Verdict(Status.VERIFIER_ERROR, clean_feedback(reason), 0.0)
        return Verification(broken, broken)

    def dismiss(self) -> None:
        """Kill all workers, with whatever they run, and start no more; their threads find out by themselves."""
        with self._lock:
            self._is_dismissed = True
            for worker in self._workers:
                worker.kill()

    def close(self) -> None:
        """Free what the workers held. Call it when no thread uses them any more."""
        for worker in self._workers:
            worker.close()

    def _get_worker(self) -> WorkerProcess:
        worker = getattr(self._own, "worker", None)
        if worker is None:
            with self._lock:
                if self._is_dismissed:
                    raise WorkerError("the verification was stopped")
            worker = WorkerProcess(self._write_command(), ENVIRONMENT)
            with self._lock:
                self._workers.add(worker)
                if self._is_dismissed:
                    worker.kill()
            self._own.worker = worker
        return worker

    def _drop_worker(self) -> None:
        worker = getattr(self._own, "worker", None)
        if worker is not None:
            self._own.worker = None
            with self._lock:
                self._workers.discard(worker)
            worker.close()


def _count_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
