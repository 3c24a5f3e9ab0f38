"""What a model's layers allow, found out by trial once for each model in memory: its weights change, its layers stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from prefill_assets.engines.last_layer import LastLayer, find_last_layer
from prefill_assets.engines.packing import can_pack


@dataclass(frozen=True)
class Abilities:
    """Whether sequences may be packed into one row, and the last layer where it may be run at some positions alone."""

    packs: bool
    last: LastLayer | None


_KNOWN: WeakKeyDictionary[Any, Abilities] = WeakKeyDictionary()


def find_abilities(model: Any) -> Abilities:
    if model not in _KNOWN:
        packs = can_pack(model)
        _KNOWN[model] = Abilities(packs, find_last_layer(model) if packs else None)
    return _KNOWN[model]
