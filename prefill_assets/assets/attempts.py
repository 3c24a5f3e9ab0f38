"""What came of the runs that a sensor asked for, read from the runs themselves: whether it is to ask for the same again."""

from __future__ import annotations

from itertools import takewhile
from typing import Any

import dagster as dg

SUBJECT_TAG, VERSION_TAG = "prefill/asked_for", "prefill/asked_version"
"""What a run is about, and the version of it then; a re-execution from the UI has the tags of the run that it repeats."""
MAX_FAILURES = 3


class NotAgain(Exception):
    """Why nothing is asked for now: a run has not ended, was canceled, or the third in a row failed."""


class Attempts:
    """The runs about one subject, such as a checkpoint, and those of them for its present version."""

    def __init__(self, instance: dg.DagsterInstance, subject: str, version: str):
        self._subject, self._version = subject, version
        self._runs = instance.get_runs(dg.RunsFilter(tags={SUBJECT_TAG: subject}))  # the latest first
        self._of_version = [run for run in self._runs if run.tags.get(VERSION_TAG) == version]

    def request(self, job: str, tags: dict[str, str], run_config: dict[str, Any] | None = None) -> dg.RunRequest:
        """The next run. Raises NotAgain where nothing is to be asked for.

        Its key names the run before it: so it is launched once, also where older runs were deleted.
        """
        if reason := self._explain_wait():
            raise NotAgain(reason)
        return dg.RunRequest(
            job_name=job,
            run_key="/".join([self._subject, self._version, *(run.run_id for run in self._of_version[:1])]),
            tags={**tags, SUBJECT_TAG: self._subject, VERSION_TAG: self._version},
            run_config=run_config,
        )

    def _explain_wait(self) -> str | None:
        unfinished = next((run for run in self._runs if not run.is_finished), None)
        if unfinished is not None:
            return f"{self._subject}: run {unfinished.run_id} has not ended"
        last = next(iter(self._of_version), None)
        if last is not None and last.status is dg.DagsterRunStatus.CANCELED:
            return f"{self._subject}: run {last.run_id} was canceled; re-execute it in the UI"
        failures = list(takewhile(lambda run: run.status is dg.DagsterRunStatus.FAILURE, self._of_version))
        if len(failures) >= MAX_FAILURES:
            return f"{self._subject}: {len(failures)} runs failed; mend what run {failures[0].run_id} says and re-execute it"
        return None
