"""Rows of all checkpoints from one look at the tables before them: it costs hardly more than a look for one checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prefill_assets.stages.dependencies import Dependencies
from prefill_assets.warehouse.partition import PartitionKey


class WholeTable:
    """An experiment's rows of a table, computed once, and again where what a partition is made from has changed since.

    Else a partition could carry the stamp of inputs that came after its rows were computed.
    """

    def __init__(self, table: str, compute: Callable[[Dependencies], Any]):
        self._table, self._compute = table, compute
        self._rows: Any = None
        self._made_from: dict[PartitionKey, dict[str, Any]] = {}

    def cut(self, dependencies: Dependencies, key: PartitionKey) -> Any:
        """The rows of one checkpoint."""
        if self._made_from.get(key) != dependencies.describe(self._table, key):
            self._made_from = {own: dependencies.describe(self._table, own) for own in dependencies.list_keys(self._table)}
            self._rows = self._compute(dependencies)
        return self._rows.filter(f"checkpoint = {key.step}")
