"""Which partitions are missing, stale or fresh, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.partition import PartitionKey, Stamp


class Freshness(StrEnum):
    MISSING = "missing"
    STALE = "stale"
    FRESH = "fresh"


@dataclass(frozen=True)
class PartitionState:
    """Whether a partition has to be computed, and why."""

    table: str
    key: PartitionKey
    freshness: Freshness
    reason: str = ""


def make_stamp(dependencies: Dependencies, table: str, key: PartitionKey, run_id: str) -> Stamp:
    """The stamp of a partition that is computed now."""
    parts = dependencies.describe(table, key)
    return Stamp(hash_values(parts), CODE_VERSIONS[table], run_id, json.dumps(parts, sort_keys=True, default=str))


def judge_freshness(dependencies: Dependencies, tables: list[str]) -> list[PartitionState]:
    """The state of every partition of these tables, in the order of the flow. Raises InputError where an input is bad.

    A partition is stale where what it depends on differs from what it was made from, or where a partition before it is not fresh.
    """
    states: dict[tuple[str, PartitionKey], PartitionState] = {}
    for table in tables:
        for key in dependencies.list_keys(table):
            behind = [
                up
                for up in dependencies.list_upstream(table, key)
                if up in states and states[up].freshness is not Freshness.FRESH
            ]
            stored = dependencies.find_stamp(table, key)
            if stored is None:
                state = PartitionState(table, key, Freshness.MISSING)
            elif behind:
                state = PartitionState(
                    table, key, Freshness.STALE, f"{behind[0][0]} {behind[0][1]} is {states[behind[0]].freshness}"
                )
            else:
                reason = _compare(stored.parts, dependencies.describe(table, key))
                state = PartitionState(table, key, Freshness.STALE if reason else Freshness.FRESH, reason)
            states[table, key] = state
    return list(states.values())


def _compare(made_from: dict[str, object], now: dict[str, object]) -> str:
    """What changed, by name; empty where nothing did."""
    now = json.loads(json.dumps(now, sort_keys=True, default=str))
    changed = sorted(name for name in made_from.keys() | now.keys() if made_from.get(name, _ABSENT) != now.get(name, _ABSENT))
    return f"{', '.join(changed)} changed" if changed else ""


_ABSENT = object()
