"""A partition's key, and the stamp that says how it was made."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple


class PartitionKey(NamedTuple):
    """(experiment, checkpoint, prefill level), or a prefix of it."""

    experiment: str
    checkpoint: int | None = None
    prefill_level: int | None = None

    def __str__(self) -> str:
        parts = [self.experiment]
        if self.checkpoint is not None:
            parts.append(f"checkpoint-{self.checkpoint}")
        if self.prefill_level is not None:
            parts.append(f"prefill {self.prefill_level}")
        return " ".join(parts)

    @property
    def step(self) -> int:
        """The checkpoint, of a key that has one. Raises ValueError for a key of all checkpoints."""
        if self.checkpoint is None:
            raise ValueError(f"key {self} names no checkpoint")
        return self.checkpoint

    @property
    def cell(self) -> tuple[int, int]:
        """(checkpoint, prefill level), of a key that has both. Raises ValueError for any other."""
        if self.prefill_level is None:
            raise ValueError(f"key {self} names no prefill level")
        return self.step, self.prefill_level

    def folder(self, columns: tuple[str, ...]) -> Path:
        """`experiment=X/checkpoint=90/prefill_level=10`, as deep as the table is cut; ValueError for another depth."""
        values = [value for value in self if value is not None]
        if len(values) != len(columns):
            raise ValueError(f"key {self} does not fit a table cut by {', '.join(columns)}")
        return Path(*(f"{column}={value}" for column, value in zip(columns, values, strict=True)))


@dataclass(frozen=True)
class Stamp:
    """How a partition was made: by which run, by which code, from which inputs. Stored inside the partition's file."""

    input_version: str
    """Hash of everything the content depends on: settings, code version, upstream data versions."""
    code_version: str
    run_id: str
    parts_json: str = "{}"
    """What input_version is the hash of, by name, as JSON."""

    @property
    def parts(self) -> dict[str, Any]:
        return json.loads(self.parts_json or "{}")


@dataclass(frozen=True)
class WrittenPartition(Stamp):
    """A partition as it lies in the warehouse."""

    data_version: str = ""
    """Hash of the content: equal rows give an equal version."""
    num_rows: int = 0
    written_at: str = ""
    """UTC, ISO 8601."""

    def as_metadata(self) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(self).items()}
