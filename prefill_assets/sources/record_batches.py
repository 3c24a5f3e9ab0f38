"""The files of many cells, a few at a time: the next ones are read while the rows of the last ones are stored."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.sources.record_fields import RecordKind
from prefill_assets.sources.record_rows import read_tables
from prefill_assets.warehouse.content_version import VersionedRows, version_cells
from prefill_assets.warehouse.table import find_table

Cell = tuple[int, int]
BATCH_BYTES = 16 << 20
"""Files read in one go: to ask DuckDB costs 30 ms, however few the rows, and more bytes would not stay in a processor's cache."""


def read_cells(
    kind: RecordKind, paths: Mapping[Cell, Path], experiment: str
) -> Iterator[tuple[Cell, Callable[[], VersionedRows]]]:
    """Each cell in order, with what returns its rows of `kind.table_name`.

    Where its file has a fault, that raises InputError as `read_rows` does; other cells are none the worse.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read_cells") as reader:
        ahead = None
        for batch in [*_cut(paths), {}]:
            current, ahead = ahead, reader.submit(_read_batch, kind, batch, experiment) if batch else None
            if current is not None:
                yield from current.result()


def _cut(paths: Mapping[Cell, Path]) -> Iterator[dict[Cell, Path]]:
    """Batches of about equal size, as few as may be."""
    sizes = {cell: path.stat().st_size if path.is_file() else 0 for cell, path in paths.items()}
    total = sum(sizes.values())
    limit = total / max(1, math.ceil(total / BATCH_BYTES))
    batch: dict[Cell, Path] = {}
    for cell, path in paths.items():
        if batch and sum(map(sizes.__getitem__, batch)) + sizes[cell] / 2 > limit:
            yield batch
            batch = {}
        batch[cell] = path
    if batch:
        yield batch


def _read_batch(kind: RecordKind, batch: dict[Cell, Path], experiment: str) -> list[tuple[Cell, Callable[[], VersionedRows]]]:
    try:
        tables = read_tables(kind, batch, experiment)
    except InputError as fault:
        if len(batch) == 1:
            return [(cell, _raise(fault)) for cell in batch]
        return [entry for cell, path in batch.items() for entry in _read_batch(kind, {cell: path}, experiment)]
    versioned = version_cells(find_table(kind.table_name), tables)
    return [(cell, partial(versioned.__getitem__, cell)) for cell in batch]


def _raise(fault: InputError) -> Callable[[], VersionedRows]:
    def fail() -> VersionedRows:
        raise fault

    return fail
