"""What assets work with: the experiments, the warehouse, an engine and a verifier."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from prefill_assets.engines.protocol import Engine
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment_registry import ExperimentRegistry
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.stages.inputs import ExperimentInputs
from prefill_assets.verification.protocol import Verifier
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition
from prefill_assets.warehouse.store import Warehouse

if TYPE_CHECKING:
    import duckdb

_resident: dict[tuple[Any, ...], Engine] = {}
"""The one engine of this process: generation and scoring of a checkpoint, and all its levels, share one load."""


class Platform(dg.ConfigurableResource):
    """Access to experiments and warehouse."""

    overrides: dict[str, Any] = Field(default_factory=dict, description="Replace these keys of every config.yaml, for this run.")
    experiments: list[str] = Field(
        default_factory=list, description="Unpartitioned assets are computed for these; empty: for all."
    )

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
        verifier_version = lru_cache(lambda: find_verifier_version(inputs.experiment.settings))
        return Dependencies(inputs, self.find_stamp, verifier_version)

    def find_stamp(self, table: str, key: PartitionKey) -> WrittenPartition | None:
        """How a partition was made; the report counts as one."""
        if table != "report":
            return self.warehouse.find_partition(table, key)
        from prefill_assets.report.publication import read_stamp

        return read_stamp(self.locations.reports / key.experiment)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection on which every table and view is there, as it is now."""
        import duckdb

        from prefill_assets.warehouse.catalog import create_views

        connection = duckdb.connect()
        create_views(connection, self.warehouse)
        return connection

    def load_engine(self, checkpoint: Path, settings: Settings) -> Engine:
        """The engine with these weights, loaded unless it is the one already here."""
        from prefill_assets.engines.loading import load_engine

        wanted = (checkpoint, settings.engine, settings.dtype, settings.device, settings.batch_size)
        if wanted not in _resident:
            self.release_engine()
            _resident[wanted] = load_engine(checkpoint, settings)
        return _resident[wanted]

    def release_engine(self) -> None:
        while _resident:
            _resident.popitem()[1].close()

    def load_verifier(self, settings: Settings) -> Verifier:
        return load_verifier(settings)


def load_verifier(settings: Settings) -> Verifier:
    """The verifier that the experiment asks for."""
    from prefill_assets.verification.embedded import EmbeddedVerifier

    return EmbeddedVerifier()


def find_verifier_version(settings: Settings) -> str:
    verifier = load_verifier(settings)
    return f"{verifier.name} {verifier.version}"
