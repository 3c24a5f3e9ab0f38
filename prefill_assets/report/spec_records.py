"""Rows of a cell as the records of a run's files: the very ones that were imported, or ours in the layout's field names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.sources.record_fields import ABSENT, OMITTED_WHEN_NULL, POSITION, RecordKind

if TYPE_CHECKING:
    import duckdb

JOIN_KEYS = ("experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx")


@dataclass(frozen=True)
class Repeated:
    """What records of ours repeat for readers of the layout: columns of another table's row of the same key, and constants."""

    table_name: str | None = None
    columns: tuple[str, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)


def list_cells(connection: duckdb.DuckDBPyConnection, table_name: str, experiment: str) -> list[tuple[int, int]]:
    """(checkpoint, level) of every cell that has rows, in order."""
    query = f"SELECT DISTINCT checkpoint, prefill_level FROM {table_name} WHERE experiment = ? ORDER BY ALL"
    return connection.execute(query, [experiment]).fetchall()


def write_cell(
    connection: duckdb.DuckDBPyConnection,
    kind: RecordKind,
    key: tuple[str, int, int],
    path: Path,
    repeated: Repeated | None = None,
) -> None:
    """Write one file of records.

    An imported row becomes the record that it was, in its place; the order of a record's fields is ours.
    """
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in read_records(connection, kind, key, repeated or Repeated()):
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def read_records(
    connection: duckdb.DuckDBPyConnection, kind: RecordKind, key: tuple[str, int, int], repeated: Repeated
) -> Iterator[dict[str, Any]]:
    """The records of one cell: (experiment, checkpoint, level)."""
    names = [field.name for field in kind.fields]
    rows = connection.execute(_write_query(kind, repeated), list(key))
    while batch := rows.fetchmany(2000):
        for row in batch:
            values, (extra, has_joined), joined = row[: len(names)], row[len(names) : len(names) + 2], row[len(names) + 2 :]
            if extra is not None:
                yield _restore_record(dict(zip(names, values, strict=True)), json.loads(extra))
                continue
            record = {n: v for n, v in zip(names, values, strict=True) if v is not None or n not in OMITTED_WHEN_NULL}
            if has_joined:
                record |= {n: v for n, v in zip(repeated.columns, joined, strict=True) if v is not None}
            yield record | repeated.constants


def _restore_record(columns: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    absent = extra.pop(ABSENT, ())
    extra.pop(POSITION, None)
    return {name: value for name, value in columns.items() if value is not None and name not in absent} | extra


def _write_query(kind: RecordKind, repeated: Repeated) -> str:
    columns = ", ".join(f"own.{field.column}" for field in kind.fields)
    joined = "".join(f", other.{column}" for column in repeated.columns)
    join = f"LEFT JOIN {repeated.table_name} other USING ({', '.join(JOIN_KEYS)})" if repeated.table_name else ""
    has_joined = "other.task_id IS NOT NULL" if repeated.table_name else "false"
    return f"""
        SELECT {columns}, own.extra, {has_joined}{joined} FROM {kind.table_name} own {join}
        WHERE own.experiment = ? AND own.checkpoint = ? AND own.prefill_level = ?
        ORDER BY TRY_CAST(own.extra->>'$.{POSITION}' AS BIGINT) NULLS LAST, own.task_id, own.exploit_type, own.attempt_idx"""
