"""What every partition of an experiment depends on: settings, inputs, and the partitions before it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.inputs import ExperimentInputs, hash_file, hash_values
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition

CODE_VERSIONS = {
    "problems": "1",
    "prefill_traces": "1",
    "eval_samples": "2",
    "eval_results": "2",
    "prefill_logprobs": "2",
    "trajectory": "1",
    "trajectory_analysis": "2",
    "trajectory_with_logprob": "2",
    "predictor_comparison": "3",
    "threshold_comparison": "2",
    "report": "1",
}
"""Raise a table's number when the same inputs would give other rows: its partitions, and no others, become stale."""

_SAMPLING = (
    "num_attempts",
    "temperature",
    "top_p",
    "max_tokens",
    "seed",
    "exploit_prompts",
    "instructions",
    "dialect",
    "engine",
    "dtype",
)
_SCORING = ("dialect", "engine", "dtype", "max_samples", "use_reasoning_field")
_TRAJECTORY = ("reference_rules",)
_ANALYSIS = ("reference_rules", "threshold", "max_prefill")
_INTEGRATION = (*_ANALYSIS, "logprob_threshold", "prefill_levels", "fixed_prefill_level")
_COMPARISON = (*_INTEGRATION, "unintentional_exploit_types", "bootstrap_resamples", "seed")
_READ_SETTINGS = {
    "trajectory": _TRAJECTORY,
    "trajectory_analysis": _ANALYSIS,
    "trajectory_with_logprob": _INTEGRATION,
    "predictor_comparison": _COMPARISON,
    "threshold_comparison": ("reference_rules",),
    "report": ("reference_rules", "max_prefill"),
}
"""What a computed table reads of the settings, beside what its upstream tables have read."""

FindStamp = Callable[[str, PartitionKey], WrittenPartition | None]
"""How a table's partition was made, or None where there is none."""


class Dependencies:
    """Keys, upstream partitions and version components of one experiment's tables."""

    def __init__(
        self,
        inputs: ExperimentInputs,
        find_stamp: FindStamp,
        find_verifier_version: Callable[[], str],
        find_rates_elsewhere: Callable[[], str],
    ):
        self.inputs, self.find_stamp, self.find_verifier_version = inputs, find_stamp, find_verifier_version
        self.find_rates_elsewhere = find_rates_elsewhere
        self.experiment = inputs.experiment

    def list_keys(self, table: str) -> list[PartitionKey]:
        """The partitions that the experiment is to have of a table, in order."""
        name, cells = self.experiment.name, self.cells
        if table == "problems":
            return [PartitionKey(name)] if not all(self.keeps_verdicts(PartitionKey(name, *cell)) for cell in cells) else []
        if table == "prefill_traces":
            return [PartitionKey(name)] if any(cell not in self.experiment.eval_files for cell in cells) else []
        if table in ("eval_samples", "eval_results"):
            return [PartitionKey(name, *cell) for cell in cells if table == "eval_results" or self._has_samples(*cell)]
        if table == "prefill_logprobs":
            return [PartitionKey(name, *cell) for cell in cells if self.can_score(*cell)]
        if table in ("trajectory", "trajectory_with_logprob"):
            return [PartitionKey(name, step) for step in self.steps]
        return [PartitionKey(name)]

    @property
    def cells(self) -> list[tuple[int, int]]:
        """Cells that came with the run, were generated, or can be: where weights are missing, or deleted, there are no others."""
        came = self.experiment.eval_files
        has_weights = {step: self._is_named or self.inputs.has_weights(step) for step in self.experiment.checkpoints}
        return [
            (step, level)
            for step, level in self.experiment.cells
            if has_weights[step] or (step, level) in came or self._is_stored("eval_samples", step, level)
        ]

    @property
    def steps(self) -> list[int]:
        """Checkpoints that have a cell."""
        return sorted({step for step, _ in self.cells})

    def can_score(self, step: int, level: int) -> bool:
        """Whether a cell's logprobs came with the run or can be computed."""
        came = (step, level) in self.inputs.logprob_files
        return came or self._is_named or self.inputs.has_weights(step) or self._is_stored("prefill_logprobs", step, level)

    def list_upstream(self, table: str, key: PartitionKey) -> list[tuple[str, PartitionKey]]:
        """The partitions that a partition is computed from."""
        name = self.experiment.name
        if table == "eval_results" and not self.keeps_verdicts(key):
            return [("eval_samples", key)]
        if table == "prefill_logprobs" and key.cell not in self.inputs.logprob_files:
            return [("eval_samples", PartitionKey(name, self.find_samples_checkpoint(*key.cell), key.prefill_level))]
        if table == "trajectory":
            return [("eval_results", PartitionKey(name, *cell)) for cell in self.cells if cell[0] == key.checkpoint]
        if table == "trajectory_analysis":
            return [("trajectory", PartitionKey(name, step)) for step in self.steps]
        if table == "trajectory_with_logprob":
            return [
                ("trajectory_analysis", PartitionKey(name)),
                *(("prefill_logprobs", k) for k in self.list_keys("prefill_logprobs")),
            ]
        if table in ("predictor_comparison", "threshold_comparison"):
            return [("trajectory_with_logprob", PartitionKey(name, step)) for step in self.steps]
        if table == "report":
            tables = ("trajectory_analysis", "predictor_comparison", "threshold_comparison")
            rates = [("eval_results", PartitionKey(name, *cell)) for cell in self.cells]
            both = [("trajectory_with_logprob", PartitionKey(name, step)) for step in self.steps]
            return [*((upstream, key) for upstream in tables), *both, *rates]
        return []

    def keeps_verdicts(self, key: PartitionKey) -> bool:
        """Whether a cell's verdicts are those that came with the run: all of them, unless its samples are to be judged again."""
        if key.cell not in self.experiment.eval_files:
            return False
        return not (self.experiment.settings.reverify and self.inputs.samples_file(*key.cell) is not None)

    def find_samples_checkpoint(self, step: int, level: int) -> int:
        """The checkpoint whose samples supply a level's prefills: its own, else the nearest that has some, the earlier of two."""
        if self._has_samples(step, level):
            return step
        others = [other for other in self.steps if self._has_samples(other, level)]
        return min(others, key=lambda other: (abs(other - step), other), default=step)

    def describe(self, table: str, key: PartitionKey) -> dict[str, Any]:
        """Everything a partition's content depends on, by name: equal descriptions give equal rows."""
        parts: dict[str, Any] = {"code_version": CODE_VERSIONS[table], **self.describe_inputs(table, key)}
        for upstream, upstream_key in self.list_upstream(table, key):
            stamp = self.find_stamp(upstream, upstream_key)
            parts[f"{upstream} {upstream_key}"] = stamp.data_version if stamp else None
        return parts

    def describe_inputs(self, table: str, key: PartitionKey) -> dict[str, Any]:
        """The part of it that comes from outside the experiment's tables: settings, files, weights, verifier, other rates."""
        settings, eval_files = self.experiment.settings, self.experiment.eval_files
        if table == "problems":
            return {"problems": hash_values([p.as_record() for p in self.inputs.problems.values()])}
        if table == "prefill_traces":
            return {"prefill_source": hash_values([vars(t) for t in self.inputs.traces.values()])}
        if table == "eval_samples" and key.cell in eval_files:
            file = self.inputs.samples_file(*key.cell)
            return {"samples_file": hash_file(file) if file else None}
        if table == "eval_samples":
            prompts, weights = self.inputs.prompts_version, self._version_weights(table, key)
            return {**_pick(settings, _SAMPLING), "prompts": prompts, "checkpoint": weights}
        if table == "eval_results" and self.keeps_verdicts(key):
            return {"results_file": hash_file(eval_files[key.cell])}
        if table == "eval_results":
            return {"problems": self.inputs.problems_version, "verifier": self.find_verifier_version()}
        if table == "prefill_logprobs" and key.cell in self.inputs.logprob_files:
            return {"logprob_file": hash_file(self.inputs.logprob_files[key.cell])}
        if table == "prefill_logprobs":
            return {**_pick(settings, _SCORING), "checkpoint": self._version_weights(table, key)}
        elsewhere = {"exploit_rates elsewhere": self.find_rates_elsewhere()} if table == "report" else {}
        return {**_pick(settings, _READ_SETTINGS[table]), "levels": list(self.experiment.levels), **elsewhere}

    def _version_weights(self, table: str, key: PartitionKey) -> str | None:
        """What the weights are now; of those that cannot be read, what they were when the partition was made.

        They may be deleted, to save space, or just being written. Raises InputError or OSError where there is no partition.
        """
        try:
            return self.inputs.fingerprint(key.step)
        except (InputError, OSError):
            if (stored := self.find_stamp(table, key)) is None:
                raise
            return stored.parts.get("checkpoint")

    @property
    def _is_named(self) -> bool:
        """Whether the config names the checkpoints to generate: what is named is to be made, also where weights are missing."""
        return self.experiment.settings.checkpoints is not None and not self.experiment.eval_files

    def _is_stored(self, table: str, step: int, level: int) -> bool:
        return self.find_stamp(table, PartitionKey(self.experiment.name, step, level)) is not None

    def _has_samples(self, step: int, level: int) -> bool:
        """Whether a cell has samples, or is going to: an imported cell may have come without."""
        cell = (step, level)
        return (
            self.inputs.samples_file(*cell) is not None if cell in self.experiment.eval_files else cell in self.experiment.cells
        )


def _pick(settings: Settings, names: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in names}
