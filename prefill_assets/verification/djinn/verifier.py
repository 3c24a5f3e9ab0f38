"""The djinn verifier: djinn's own verdicts, one worker process per core."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.verification.crew import Crew, WorkerError, count_cores, take_in_order
from prefill_assets.verification.djinn.installation import Installation, find_installation
from prefill_assets.verification.djinn.sandbox import ENVIRONMENT, PLAIN, list_isolations, write_command
from prefill_assets.verification.djinn.worker_process import WorkerProcess
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.source_hash import hash_sources
from prefill_assets.verification.verdict_text import describe_fault

VERIFICATION = Path(__file__).parents[1]
SHARED_FILES = ("child/namespaces", "child/system_calls", "crew", "verdict_text")
"""What verdicts depend on of the files that the embedded verifier uses too."""


class DjinnVerifier:
    """Judges submissions with djinn-framework, in both modes.

    `workers`: how many submissions are judged at once (default: the cores that we may use). `python`: an interpreter that has
    djinn (default: PREFILL_DJINN_PYTHON, else this one). It runs in bubblewrap or in namespaces of ours; where neither works,
    `verify` raises InputError unless `allow_unsandboxed`, and then judges one submission at a time, as djinn's files in /tmp are
    shared.
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
        return 1 if self.isolation == PLAIN else self._wanted_workers or count_cores()

    def verify(self, submissions: Iterable[Submission]) -> Iterator[Verification]:
        """One Verification a submission, in order, while later ones are being judged.

        Raises InputError, before the first, where djinn or its sandbox does not work here.
        """
        workers = self.workers
        crew = Crew(lambda _kind, _number: WorkerProcess(write_command(self.isolation, self._installation), ENVIRONMENT))
        with crew.open_threads(workers) as threads:
            yield from take_in_order((threads.submit(_judge, submission, crew) for submission in submissions), workers)

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
        shared = [VERIFICATION / f"{name}.py" for name in SHARED_FILES]
        return hash_sources(VERIFICATION, [*sorted((VERIFICATION / "djinn").rglob("*.py")), *shared])


def _judge(submission: Submission, crew: Crew[WorkerProcess]) -> Verification:
    """djinn's verdicts; VERIFIER_ERROR for both where two workers broke over it, or where our own code failed."""
    try:
        return crew.ask("djinn", lambda worker: worker.verify(submission))
    except Exception as error:
        broken = Verdict(Status.VERIFIER_ERROR, describe_fault(error), 0.0)
        return Verification(broken, broken)
