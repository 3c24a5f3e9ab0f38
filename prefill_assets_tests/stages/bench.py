"""An experiment on disk whose files a test may change, and a memory of what was made from them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from prefill_assets.sources.experiment import load_experiment
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.freshness import Freshness, PartitionState, judge_freshness, make_stamp
from prefill_assets.stages.inputs import ExperimentInputs, hash_values
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition
from prefill_assets.warehouse.table import PARTITION_COLUMNS
from prefill_assets_tests.tiny_problems import make_problem, make_trace, write_problems, write_traces

TABLES = list(PARTITION_COLUMNS)
STEPS, LEVELS = (1, 10), (0, 10)


class Bench:
    """Two checkpoints, two levels, two problems with a trace each. `materialize` remembers stamps as a warehouse would."""

    def __init__(self, folder: Path):
        self.folder, self.run_dir = folder, folder / "run-1"
        self.checkpoints, self.problems, self.traces = (
            folder / "checkpoints",
            folder / "problems.jsonl",
            folder / "exploits.jsonl",
        )
        self.stamps: dict[tuple[str, PartitionKey], WrittenPartition] = {}
        self.verifier, self.rates_elsewhere = "embedded 1", "none"
        for step in STEPS:
            self.save_weights(step, value=step)
        write_problems(self.problems, [make_problem("p-1"), make_problem("p-2"), make_problem("no-trace")])
        write_traces(self.traces, [make_trace("p-1"), make_trace("p-2")])
        self.run_dir.mkdir()
        self.configure()

    def configure(self, **changed: Any) -> None:
        config = {
            "checkpoint_dir": "../checkpoints",
            "prefill_tokens_sweep": list(LEVELS),
            "prefill_source": "../exploits.jsonl",
            "problems": "../problems.jsonl",
        }
        self.config_path.write_text(yaml.safe_dump({**config, **changed}))

    @property
    def config_path(self) -> Path:
        return self.run_dir / "config.yaml"

    def save_weights(self, step: int, value: float) -> Path:
        import numpy
        from safetensors.numpy import save_file

        folder = self.checkpoints / f"checkpoint-{step}"
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"lm_head.weight": numpy.full((2, 2), value, dtype="float32")}, folder / "model.safetensors")
        (folder / "config.json").write_text('{"model_type": "llama"}')
        return folder

    def look(self) -> Dependencies:
        """The experiment as its files are now."""
        inputs = ExperimentInputs(load_experiment(self.run_dir))
        return Dependencies(
            inputs, lambda table, key: self.stamps.get((table, key)), lambda: self.verifier, lambda: self.rates_elsewhere
        )

    def materialize(self, *tables: str, content: object = None) -> None:
        """Make every partition of these tables (all by default) anew; `content` stands for rows that no input explains."""
        dependencies = self.look()
        for table in tables or TABLES:
            for key in dependencies.list_keys(table):
                stamp = make_stamp(dependencies, table, key, "run")
                version = hash_values([stamp.parts, content])
                self.stamps[table, key] = WrittenPartition(**vars(stamp), data_version=version)

    def judge(self, *tables: str) -> list[PartitionState]:
        return judge_freshness(self.look(), list(tables or TABLES))

    def list_due(self) -> dict[str, set[PartitionKey]]:
        """Tables with partitions that are not fresh, and these."""
        due: dict[str, set[PartitionKey]] = {}
        for state in self.judge():
            if state.freshness is not Freshness.FRESH:
                due.setdefault(state.table, set()).add(state.key)
        return due
