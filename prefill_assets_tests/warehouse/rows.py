"""Rows that fit a table: by hand for evaluations, and any at all by hypothesis."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import strategies as st

from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import Table, find_table

STAMP = Stamp(input_version="in-1", code_version="1", run_id="run-1", parts_json='{"threshold": 10}')
KEY = PartitionKey("run-1", 90, 10)

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "VARCHAR": st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
    | st.sampled_from(
        ["", "NULL", "None", "nan", "007", "it's", 'a "b"', "true", "1e5", "\n\t\\", "'; DROP TABLE x; --", "漢😀"]
    ),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False),
    "BOOLEAN": st.booleans(),
    "JSON": st.dictionaries(st.text("ab'\"", max_size=3), st.none() | st.integers() | st.text("x'\"\n", max_size=3)).map(
        json.dumps
    ),
}


def make_result(task_id: Any = "task-1", attempt_idx: Any = 0, key: PartitionKey = KEY, **changed: Any) -> dict[str, Any]:
    """A row of eval_results."""
    return {
        **dict(zip(("experiment", "checkpoint", "prefill_level"), key, strict=True)),
        "task_id": task_id,
        "exploit_type": "process_exit",
        "attempt_idx": attempt_idx,
        "secure_pass": False,
        "insecure_pass": True,
        "exploit_success": True,
        "error": None,
        **changed,
    }


def list_files(warehouse: Warehouse, table: str = "eval_results") -> list[str]:
    """Names of a table's files, but for the empty ones by which writers take turns and those that give a table its columns."""
    files = [path for path in (warehouse.root / table).rglob("*") if path.is_file() and "experiment=_" not in str(path)]
    return sorted(path.name for path in files if path.suffix != ".lock" or path.stat().st_size > 0)


def list_key_columns(table: Table) -> list[str]:
    """The table's primary key."""
    return re.findall(r"\w+", re.findall(r"PRIMARY KEY \((.+)\)", table.create_sql)[0])


def list_required_columns(table: Table) -> list[str]:
    """The columns that are never NULL."""
    return re.findall(r"^    (\w+) +[A-Z]+ NOT NULL", table.create_sql, re.MULTILINE)


def make_key(table: Table) -> PartitionKey:
    """A partition's key, as deep as the table is cut."""
    return KEY._replace(**dict.fromkeys(("checkpoint", "prefill_level")[len(table.partition_columns) - 1 :]))


def draw_rows(table_name: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of one partition of a table: every column of its type, NULLs wherever they may stand, keys distinct."""
    table = find_table(table_name)
    required, fixed = list_required_columns(table), dict(zip(table.partition_columns, make_key(table), strict=False))
    columns = {
        column.name: st.just(fixed[column.name])
        if column.name in fixed
        else VALUES[column.type]
        if column.name in required
        else st.none() | VALUES[column.type]
        for column in table.columns
    }
    key_columns = list_key_columns(table)
    return st.lists(
        st.fixed_dictionaries(columns), min_size=1, max_size=10, unique_by=lambda row: tuple(row[name] for name in key_columns)
    )
