"""One whole analysis: find out what is due, compute it step by step, keep a record."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefill_assets.environment import describe_command
from prefill_assets.errors import InputError
from prefill_assets.interruption import end_if_asked, is_interrupt
from prefill_assets.locations import Locations
from prefill_assets.runs.plan import INPUT_JOB, Step, list_tables, plan_steps
from prefill_assets.sources.experiment import Experiment
from prefill_assets.stages.freshness import PartitionState, judge_freshness
from prefill_assets.warehouse.partition import PartitionKey

Report = Callable[[str], None]


@dataclass(frozen=True)
class AnalysisOptions:
    """What a run leaves out, and which config keys it replaces."""

    overrides: Mapping[str, Any]
    skip_logprob: bool = False
    tables: tuple[str, ...] | None = None
    """Only these tables; None means all."""
    only_stored_samples: bool = False
    """Only verdicts whose samples are stored: no model is needed."""
    checkpoints: tuple[int, ...] | None = None
    """Of what is cut by checkpoint only these; None means all. What looks across checkpoints takes whatever is stored."""
    levels: tuple[int, ...] | None = None
    """The same for levels."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing known to be stale is left so: checks would find it at fault."""
        return self.tables is None and self.checkpoints is None and self.levels is None

    def asks_for(self, key: PartitionKey) -> bool:
        """Whether a partition is among these checkpoints and levels, or is cut by neither."""
        parts = ((key.checkpoint, self.checkpoints), (key.prefill_level, self.levels))
        return all(part is None or chosen is None or part in chosen for part, chosen in parts)


@dataclass(frozen=True)
class AnalysisOutcome:
    """What came of a run: its folder, how many steps it took, and the errors of those that failed."""

    path: Path
    num_steps: int
    failures: tuple[str, ...]
    num_checks: int
    """Checks that ran: none where nothing was computed, or not everything was asked for."""
    doubts: tuple[str, ...]
    """Checks that found something: which, how grave, and the first finding."""


def judge_experiment(locations: Locations, experiment: Experiment, options: AnalysisOptions) -> list[PartitionState]:
    """The state of every partition that the options ask for. Raises InputError where an input is bad."""
    from prefill_assets.assets.platform import Platform

    dependencies = Platform(overrides=dict(options.overrides)).load_snapshot(experiment.name)
    tables = list(options.tables or list_tables(skip_logprob=options.skip_logprob))
    states = [state for state in judge_freshness(dependencies, tables) if options.asks_for(state.key)]
    if options.only_stored_samples:
        has_samples = {state.key for state in states if dependencies.find_stamp("eval_samples", state.key) is not None}
        states = [state for state in states if state.table != "eval_results" or state.key in has_samples]
    return states


def run_analysis(
    locations: Locations, experiment: Experiment, options: AnalysisOptions, report: Report, publish: Callable[[Path], None]
) -> AnalysisOutcome:
    """Compute what is missing or stale of one experiment, let `publish` fill the run's folder, and leave a true record there.

    One run an experiment at a time; a second one waits. A failed step does not keep the others from being done: what depends on
    it is computed from what there is. Only refused problems or traces end the run. Raises InputError for bad input, before
    anything is computed, and KeyboardInterrupt.
    """
    from prefill_assets.runs.dead_runs import close_dead_runs
    from prefill_assets.runs.execution import open_instance
    from prefill_assets.runs.record import RunRecord, close_dead_records
    from prefill_assets.warehouse.catalog import publish_catalog
    from prefill_assets.warehouse.store import Warehouse

    instance = open_instance(locations)
    publish_catalog(Warehouse(locations.warehouse), locations.catalog)
    with _take_turn(locations, experiment.name, report):
        close_dead_runs(instance)
        for path in close_dead_records(locations.full_analyses):
            report(f"{path.name} was killed; what it finished is kept, the rest is computed now")
        record = RunRecord(locations.full_analyses, _describe_run(experiment, options), locations.project)
        try:
            with _engine_of_this_run(record):
                failures, num_steps = _run_due(instance, locations, experiment, options, record, report)
            end_if_asked()
            is_checked = num_steps and options.is_whole
            num_checks, doubts = _run_checks(instance, experiment, options, failures) if is_checked else (0, ())
            record.add_metadata({"checks": num_checks, "doubts": list(doubts)})
            publish(record.path)
        except BaseException as error:
            if is_interrupt(error):
                record.finish("interrupted", "interrupted from the keyboard or by a signal")
                raise
            record.finish("failed", str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")
            raise
        record.finish("failed" if failures else "success", "\n".join(failures) or None)
    return AnalysisOutcome(record.path, num_steps, tuple(failures), num_checks, doubts)


def _run_checks(
    instance: Any, experiment: Experiment, options: AnalysisOptions, failures: list[str]
) -> tuple[int, tuple[str, ...]]:
    """How many checks ran, and what they found; checks that broke are a failure of the run."""
    from prefill_assets.runs.execution import StepFailure, execute_checks

    try:
        evaluations = execute_checks(instance, experiment.name, options.overrides)
    except StepFailure as failure:
        failures.append(f"checks: {failure}")
        return 0, ()
    return len(evaluations), tuple(_describe_doubt(evaluation) for evaluation in evaluations if not evaluation.passed)


def _describe_doubt(evaluation: Any) -> str:
    found = evaluation.metadata
    first = {name: value for name, value in found["findings"].records[0].data.items() if value != ""}
    where = " ".join(f"{name} {first[name]}" for name in ("checkpoint", "prefill_level", "task_id") if name in first)
    return (
        f"{evaluation.check_name} ({evaluation.severity.value}, {found['num_findings'].value} found): "
        f"{f'{where}: ' if where else ''}{first['finding']}"
    )


@contextmanager
def _engine_of_this_run(record: Any) -> Iterator[None]:
    """The engine ends with the run, however that ends, and the record says what it cost in starts and loads."""
    from prefill_assets.assets.platform import Platform

    platform = Platform()
    taken: Mapping[str, int] = {}
    try:
        with platform.count_engine_work() as taken:
            yield
    finally:
        platform.release_engine()
        record.add_metadata(taken)


@contextmanager
def _take_turn(locations: Locations, experiment: str, report: Report) -> Iterator[None]:
    """Hold the experiment's lock; it is gone with the process, however that ends."""
    from filelock import FileLock, Timeout

    locations.experiment_locks.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locations.experiment_locks / f"{experiment}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report(f"another run works on {experiment}; waiting for it to end")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _describe_run(experiment: Experiment, options: AnalysisOptions) -> dict[str, Any]:
    return {
        "experiment": experiment.name,
        "run_dir": experiment.run_dir,
        "command": describe_command(),
        **asdict(options),
        "swept_checkpoints": list(experiment.checkpoints),
        "swept_levels": list(experiment.levels),
        "settings": experiment.settings.model_dump(),
    }


def _run_due(
    instance: Any, locations: Locations, experiment: Experiment, options: AnalysisOptions, record: Any, report: Report
) -> tuple[list[str], int]:
    from prefill_assets.assets.partitions import register_partitions
    from prefill_assets.runs.execution import list_partition_order

    states = judge_experiment(locations, experiment, options)
    register_partitions(instance, [experiment])
    steps = plan_steps(states, list_partition_order(instance, experiment))
    failures: list[str] = []
    for number, step in enumerate(steps, 1):
        end_if_asked()
        error = _run_step(instance, step, f"[{number}/{len(steps)}]", experiment, options, record, report)
        if error is not None and error not in failures:
            failures.append(error)
        if error is not None and step.job == INPUT_JOB:
            break
    return failures, len(steps)


def _run_step(
    instance: Any, step: Step, number: str, experiment: Experiment, options: AnalysisOptions, record: Any, report: Report
) -> str | None:
    """Why the step failed, or None."""
    from prefill_assets.runs.execution import StepFailure, execute_step

    began = time.monotonic()
    partitions = [str(key) for key in step.keys]
    try:
        run_id = execute_step(instance, step, experiment.name, options.overrides)
    except StepFailure as failure:
        seconds = time.monotonic() - began
        record.add_step(str(step), partitions, "failed", seconds, str(failure), None)
        report(f"{number} {step}: FAILED after {seconds:.1f} s: {failure}")
        return str(failure)
    except KeyboardInterrupt:
        record.add_step(str(step), partitions, "interrupted", time.monotonic() - began, None, None)
        raise
    seconds = time.monotonic() - began
    record.add_step(str(step), partitions, "success", seconds, None, run_id)
    report(f"{number} {step}: {seconds:.1f} s")
    return None
