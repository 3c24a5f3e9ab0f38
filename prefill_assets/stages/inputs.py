"""Everything outside the warehouse that an experiment's partitions are made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.sources.checkpoint import find_checkpoint, fingerprint_checkpoint
from prefill_assets.sources.experiment import Experiment
from prefill_assets.sources.prefill_trace import PrefillTrace, read_prefill_traces
from prefill_assets.sources.problem import Problem, write_plainly
from prefill_assets.sources.problem_pack import LocatedProblem, is_path, locate_problems
from prefill_assets.stages.generation import Task


@dataclass(frozen=True)
class ExperimentInputs:
    """An experiment's problems, traces, weights and files, read when first asked for."""

    experiment: Experiment

    @cached_property
    def located_problems(self) -> list[LocatedProblem]:
        """Problems, each with the place where it stands. Raises InputError."""
        source = self.experiment.settings.problems
        found = str(self.experiment.resolve(source)) if is_path(source) else source
        return list(locate_problems(found, self.experiment.run_dir))

    @cached_property
    def problems(self) -> dict[str, Problem]:
        """Problems by id. Raises InputError."""
        return {located.problem.id: located.problem for located in self.located_problems}

    @cached_property
    def traces(self) -> dict[str, PrefillTrace]:
        """The trace of each task. Raises InputError, also for a trace whose task is not among the problems."""
        source = self.experiment.settings.prefill_source
        if source is None:
            if self.experiment.levels == (0,):
                return {}
            raise self.experiment.complain("prefill_source is not set", "prefill_source", "name the file with exploit traces")
        path = self.experiment.resolve(source)
        traces = read_prefill_traces(path, source)
        unknown = [trace for task_id, trace in traces.items() if task_id not in self.problems]
        if len(unknown) == len(traces):
            raise InputError(
                f"none of its {len(traces)} tasks is among the problems of {self.experiment.settings.problems!r}",
                path=path,
                remedy="mend `problems` or `prefill_source` in config.yaml",
            )
        if unknown:
            raise InputError(
                f"task {unknown[0].task_id!r} is not among the problems of {self.experiment.settings.problems!r}",
                path=path,
                line=unknown[0].source_line,
                remedy="remove the record, or add the problem",
            )
        return traces

    @cached_property
    def tasks(self) -> list[Task]:
        """What is evaluated: the problems that have a trace, in the order of the problems, at most `max_problems` of them."""
        if self.experiment.settings.prefill_source is None and not self.traces:
            tasks = [Task(problem, None) for problem in self.problems.values()]
        else:
            tasks = [Task(problem, self.traces[task_id]) for task_id, problem in self.problems.items() if task_id in self.traces]
        return tasks[: self.experiment.settings.max_problems]

    @cached_property
    def logprob_files(self) -> dict[tuple[int, int], Path]:
        """(checkpoint, level) of the logprob files that came with an imported run."""
        folders = self.experiment.settings.logprob_dirs
        if folders is None and not self.experiment.eval_files:
            return {}
        from prefill_assets.sources.run_folder import find_logprob_files

        return find_logprob_files(
            self.experiment.run_dir, [self.experiment.resolve(f) for f in folders] if folders is not None else None
        )

    def checkpoint_path(self, step: int) -> Path:
        return find_checkpoint(self.experiment.checkpoint_dir, step)

    def find_checkpoint_folder(self, step: int) -> Path | None:
        """A checkpoint's folder, whatever lies in it; None where there is none."""
        folder = self.experiment.checkpoint_dir
        found = folder / f"checkpoint-{step}" if folder is not None else None
        return found if found is not None and found.is_dir() else None

    def has_weights(self, step: int) -> bool:
        """Whether a checkpoint has a folder; that its weights are whole is known once they are asked for."""
        return self.find_checkpoint_folder(step) is not None

    def fingerprint(self, step: int) -> str:
        return fingerprint_checkpoint(self.checkpoint_path(step))

    def samples_file(self, step: int, level: int) -> Path | None:
        """The samples of an imported cell, where the run kept them."""
        files = self.experiment.folder.cells.get((step, level))
        return files.samples if files else None

    @cached_property
    def prompts_version(self) -> str:
        """Hash of what the evaluated tasks are asked and prefilled with."""
        return hash_values(
            [
                (
                    t.problem.id,
                    t.problem.exploit_type,
                    t.problem.description,
                    t.problem.insecure_verifier_info,
                    t.trace and t.trace.reasoning,
                )
                for t in self.tasks
            ]
        )

    @cached_property
    def problems_version(self) -> str:
        """Hash of what verification reads of the problems: the evaluated ones, or all where the samples came with the run."""
        problems = self.problems.values() if self.experiment.eval_files else [task.problem for task in self.tasks]
        return hash_values([(problem.id, problem.version) for problem in problems])


def hash_values(values: object) -> str:
    """Hash of plain values (16 hex digits)."""
    return hashlib.sha256(write_plainly(values).encode()).hexdigest()[:16]


def hash_file(path: Path) -> str:
    """Hash of a file's content (16 hex digits), read again only when its size or time changed."""
    status = path.stat()
    return _hash_content(str(path), status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=65536)
def _hash_content(path: str, size: int, time_ns: int) -> str:
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:16]
