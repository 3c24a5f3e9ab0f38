"""The tables: names, typed columns, keys and partitions, read from `tables/*.sql`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

CELL = ("experiment", "checkpoint", "prefill_level")
PARTITION_COLUMNS: dict[str, tuple[str, ...]] = {
    "problems": CELL[:1],
    "prefill_traces": CELL[:1],
    "eval_samples": CELL,
    "eval_results": CELL,
    "prefill_logprobs": CELL,
    "trajectory": CELL[:2],
    "trajectory_analysis": CELL[:1],
    "trajectory_with_logprob": CELL[:2],
    "predictor_comparison": CELL[:1],
    "threshold_comparison": CELL[:1],
}
"""Every table, in the order of the flow, and what its partitions are cut by."""

UNVERSIONED_COLUMNS = frozenset({"verification_seconds", "verifier", "secure_feedback", "insecure_feedback"})
"""How a verdict came about, not what it is: such columns may differ every time, and nothing downstream reads them."""

_COLUMN = re.compile(r"^    (?P<name>\w+) +(?P<type>[A-Z]+)(?: NOT NULL)?, *-- (?P<comment>.+)$")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table's definition."""

    name: str
    comment: str
    create_sql: str
    columns: tuple[Column, ...]
    partition_columns: tuple[str, ...]

    @property
    def columns_version(self) -> str:
        """Hash of names and types of the columns (8 hex digits)."""
        return hashlib.sha256(repr([(column.name, column.type) for column in self.columns]).encode()).hexdigest()[:8]

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@cache
def find_table(name: str) -> Table:
    """The definition of a table. Raises KeyError for a name that is none."""
    partition_columns = PARTITION_COLUMNS[name]
    sql = (Path(__file__).parent / "tables" / f"{name}.sql").read_text()
    comment, create_sql = sql.split("\n", 1)
    columns = tuple(Column(**found.groupdict()) for line in create_sql.splitlines() if (found := _COLUMN.match(line)))
    return Table(name, comment.removeprefix("-- "), create_sql, columns, partition_columns)
