"""What a partition was before: rows that a later materialization replaced by others stay readable beside the current ones."""

from __future__ import annotations

import os
from pathlib import Path

from prefill_assets.warehouse.parquet_file import copy_file
from prefill_assets.warehouse.partition import PartitionKey, WrittenPartition
from prefill_assets.warehouse.table import Table

FOLDER = "superseded"
KEPT_TABLES = ("eval_samples", "eval_results", "prefill_logprobs")
"""What a model or a verifier said. Everything else is computed from these."""


def is_kept(table_name: str) -> bool:
    return table_name in KEPT_TABLES


def keep_superseded(
    root: Path, table: Table, key: PartitionKey, current: Path, before: WrittenPartition | None, after: WrittenPartition
) -> None:
    """Keep the current file under `superseded/`, if other rows are about to take its place. The current file stays where it is.

    A link where the file system has links, else a copy; a crash after it leaves a copy of what is still current, which the
    views tell by its time of writing.
    """
    if before is None or before.data_version == after.data_version:
        return
    folder = find_folder(root, table, key)
    folder.mkdir(parents=True, exist_ok=True)
    moment = "".join(character for character in before.written_at if character.isalnum())
    kept = folder / f"{moment}-{before.data_version}.parquet"
    try:
        os.link(current, kept)
    except FileExistsError:
        return
    except OSError:
        copy_file(current, kept)


def find_folder(root: Path, table: Table, key: PartitionKey) -> Path:
    """Where superseded rows of a partition lie."""
    return root / FOLDER / table.name / key.folder(table.partition_columns)
