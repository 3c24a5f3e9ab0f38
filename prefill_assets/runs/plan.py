"""What one command has to compute: steps of assets over ranges of partitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prefill_assets.stages.freshness import Freshness, PartitionState
from prefill_assets.warehouse.partition import PartitionKey

INPUT_JOB, EVALUATION_JOB, CHECK_JOB = "prepare_inputs", "evaluate_checkpoints", "check_tables"

LAYERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (INPUT_JOB, ("problems", "prefill_traces")),
    (EVALUATION_JOB, ("eval_samples", "eval_results", "prefill_logprobs")),
    ("trace_trajectories", ("trajectory",)),
    ("analyse_trajectories", ("trajectory_analysis",)),
    ("integrate_logprobs", ("trajectory_with_logprob",)),
    ("compare_indicators", ("predictor_comparison", "threshold_comparison")),
    ("publish_report", ("report",)),
)
"""Jobs, in order, and the tables that each makes; the tables of a layer are cut alike."""

LOGPROB_TABLES = frozenset({"prefill_logprobs", "trajectory_with_logprob", "predictor_comparison", "threshold_comparison"})
"""What `--skip-logprob` leaves out."""


@dataclass(frozen=True)
class Step:
    """One Dagster run: these tables, over these partitions, which follow each other in Dagster's order."""

    job: str
    tables: tuple[str, ...]
    keys: tuple[PartitionKey, ...]

    def __str__(self) -> str:
        levels = [key.prefill_level for key in self.keys if key.prefill_level is not None]
        steps = sorted({key.checkpoint for key in self.keys if key.checkpoint is not None})
        where = f" checkpoint {', '.join(map(str, steps))}" if steps else ""
        return f"{' + '.join(self.tables)}{where}{f' prefill {levels[0]}..{levels[-1]}' if levels else ''}"


def list_tables(*, skip_logprob: bool = False) -> list[str]:
    """Tables in the order of the flow."""
    return [table for _, tables in LAYERS for table in tables if not (skip_logprob and table in LOGPROB_TABLES)]


def plan_steps(states: Iterable[PartitionState], order: Sequence[PartitionKey]) -> list[Step]:
    """The runs that make everything fresh, layer by layer and checkpoint by checkpoint.

    `order` holds every partition key in Dagster's own order, in which a range is cut: partitions that need the same tables and
    follow each other there become one run. Partitions of one checkpoint stay together, so that its weights are loaded once.
    """
    place = {key: i for i, key in enumerate(order)}
    due: dict[PartitionKey, set[str]] = defaultdict(set)
    for state in states:
        if state.freshness is not Freshness.FRESH:
            due[state.key].add(state.table)
    steps: list[Step] = []
    for job, tables in LAYERS:
        wanted = {key: tuple(t for t in tables if t in names) for key, names in due.items() if names.intersection(tables)}
        steps += _join_neighbours(job, wanted, place)
    return steps


def _join_neighbours(job: str, wanted: dict[PartitionKey, tuple[str, ...]], place: dict[PartitionKey, int]) -> list[Step]:
    steps: list[Step] = []
    for key in sorted(wanted, key=lambda k: place.get(k, -1)):
        last = steps[-1] if steps else None
        if last is not None and last.tables == wanted[key] and _follows(last.keys[-1], key, place):
            steps[-1] = Step(job, last.tables, (*last.keys, key))
        else:
            steps.append(Step(job, wanted[key], (key,)))
    return steps


def _follows(last: PartitionKey, key: PartitionKey, place: dict[PartitionKey, int]) -> bool:
    """Whether one range can hold both: neighbours in Dagster's order, and where levels are cut, of one checkpoint."""
    if key not in place or last not in place or place[key] != place[last] + 1:
        return False
    return key.prefill_level is None or last.checkpoint == key.checkpoint
