"""What assets work with: the experiments, the warehouse, an engine and a verifier."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from prefill_assets.engines.protocol import Engine, EngineHost
from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment import Experiment
from prefill_assets.sources.experiment_registry import ExperimentRegistry
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.inputs import ExperimentInputs
from prefill_assets.stages.rates_elsewhere import version_rates_elsewhere
from prefill_assets.verification.protocol import Verifier
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import PARTITION_COLUMNS

if TYPE_CHECKING:
    import duckdb
    from filelock import FileLock

_hosts: dict[tuple[Any, ...], EngineHost] = {}
"""The one host of this process: generation and scoring of a checkpoint, and all its levels, share one load."""

_ended_work: Counter[str] = Counter()
"""Starts and loads of the hosts that are gone."""

_turns: dict[str, FileLock] = {}
"""The engine's lock, by its path, while this process has it or may come back to it."""

HOST_SETTINGS = (
    *("engine", "dtype", "device", "batch_size"),
    *("vllm_command", "vllm_args", "vllm_base_url", "vllm_model", "vllm_concurrency"),
    *("vllm_start_seconds", "vllm_request_seconds"),
)
"""Settings that a host is made for: where one of them differs, it is another host."""


def _fills_the_device(wanted: tuple[Any, ...]) -> bool:
    """Whether these settings' host is a vLLM server of our own, which takes all memory that it may."""
    values = dict(zip(HOST_SETTINGS, wanted, strict=True))
    return values["engine"] == "vllm" and values["vllm_base_url"] is None


def _close_hosts() -> None:
    while _hosts:
        host = _hosts.popitem()[1]
        _ended_work.update(_count_work(host))
        host.close()


def _find_verifier(dependencies: Dependencies) -> str | None:
    """None where it is not installed here: most of what a run makes needs none."""
    try:
        return dependencies.find_verifier_version()
    except InputError:
        return None


def _count_all_work() -> Counter[str]:
    return sum((_count_work(host) for host in _hosts.values()), start=Counter(_ended_work))


def _count_work(host: EngineHost) -> Counter[str]:
    return Counter(engine_starts=host.starts, weight_loads=host.loads)


class Platform(dg.ConfigurableResource):
    """Access to experiments and warehouse."""

    overrides: dict[str, Any] = Field(default_factory=dict, description="Replace these keys of every config.yaml, for this run.")
    experiments: list[str] = Field(
        default_factory=list, description="Unpartitioned assets are computed for these; empty: for all."
    )

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Put on record which process a run is in, before its first step."""
        from prefill_assets.runs.dead_runs import note_process

        if context.run is not None and context.instance is not None:
            note_process(context.instance, context.run)

    @property
    def locations(self) -> Locations:
        return Locations.find()

    @property
    def registry(self) -> ExperimentRegistry:
        return ExperimentRegistry(self.locations)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.locations.warehouse)

    def list_experiments(self) -> list[str]:
        """The experiments that unpartitioned assets are computed for, the most recent last."""
        return self.experiments or list(self.registry.list_run_dirs())

    def load_dependencies(self, experiment: str) -> Dependencies:
        """An experiment by name, with everything its partitions are made from."""
        inputs = ExperimentInputs(self.registry.load(experiment, self.overrides))
        verifier_version = cache(lambda: self.find_verifier_version(inputs.experiment))
        rates_elsewhere = cache(lambda: version_rates_elsewhere(self.warehouse, experiment))
        return Dependencies(inputs, self.find_stamp, verifier_version, rates_elsewhere)

    def load_snapshot(self, experiment: str) -> Dependencies:
        """The same, with the stamps that all its partitions have at this moment: far cheaper where many of them are asked for."""
        dependencies = self.load_dependencies(experiment)
        stored = {table: self.warehouse.list_partitions(table, experiment) for table in PARTITION_COLUMNS}
        dependencies.find_stamp = lambda table, key: stored[table].get(key) if table in stored else self.find_stamp(table, key)
        return dependencies

    def open_experiment(self, experiment: str, run_id: str) -> Dependencies:
        """The same, for a run that is about to write partitions of it."""
        dependencies = self.load_dependencies(experiment)
        self.record_run(run_id, dependencies)
        return dependencies

    def record_run(self, run_id: str, dependencies: Dependencies) -> None:
        """Put on record what a run is, before it writes partitions of an experiment."""
        from prefill_assets.stages.run_facts import collect_run_facts
        from prefill_assets.warehouse.run_record import write_run_record

        facts = collect_run_facts(
            dependencies.experiment,
            self.locations.project,
            overrides=self.overrides,
            verifier=_find_verifier(dependencies),
        )
        write_run_record(self.warehouse.root, run_id, facts)

    def find_stamp(self, table: str, key: PartitionKey) -> WrittenPartition | None:
        """How a partition was made; the report counts as one."""
        if table != "report":
            return self.warehouse.find_partition(table, key)
        from prefill_assets.report.publication import read_stamp

        return read_stamp(self.locations.reports / key.experiment)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own on which every table and view is there, as it is now."""
        from prefill_assets.warehouse.catalog import open_catalog

        return open_catalog(self.warehouse, self.locations.catalog)

    def open_engine(self, checkpoint: Path, settings: Settings) -> Engine:
        """The engine with these weights, by the host that is here already where the settings are the same."""
        from prefill_assets.engines.loading import make_host

        wanted = tuple(getattr(settings, name) for name in HOST_SETTINGS)
        if wanted not in _hosts:
            _close_hosts()
            _hosts[wanted] = make_host(settings)
        return _hosts[wanted].open(checkpoint)

    def release_engine(self) -> None:
        """End the engine of this process, and its turn."""
        _close_hosts()
        while _turns:
            _turns.popitem()[1].release(force=True)

    @contextmanager
    def take_engine_turn(self) -> Iterator[None]:
        """Hold the engine's lock: one process of this installation at a time generates and scores. It goes with the process.

        A server of our own has the device's memory for itself: while it is up the turn lasts, until `release_engine`.
        """
        from filelock import FileLock

        self.locations.locks.mkdir(parents=True, exist_ok=True)
        path = str(self.locations.locks / "engine.lock")
        lock = _turns.setdefault(path, FileLock(path))
        lock.acquire()
        try:
            yield
        finally:
            if not any(_fills_the_device(wanted) for wanted in _hosts):
                lock.release()

    @contextmanager
    def count_engine_work(self) -> Iterator[dict[str, int]]:
        """`engine_starts` and `weight_loads` of this process while the block runs; they are known when it ends."""
        before, taken = _count_all_work(), {}
        try:
            yield taken
        finally:
            after = _count_all_work()
            taken |= {name: after[name] - before[name] for name in ("engine_starts", "weight_loads")}

    def load_verifier(self, experiment: Experiment) -> Verifier:
        """The verifier that the experiment asks for, with what it has said before."""
        from prefill_assets.verification.loading import load_verifier

        python = experiment.settings.djinn_python
        return load_verifier(
            experiment.settings,
            djinn_python=experiment.resolve(python) if python else None,
            cache=self.locations.verdict_cache,
        )

    def find_verifier_version(self, experiment: Experiment) -> str:
        verifier = self.load_verifier(experiment)
        return f"{verifier.name} {verifier.version}"
