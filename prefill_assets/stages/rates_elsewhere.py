"""The exploit rates of other experiments, which a report shows beside its own: whether they changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from prefill_assets.stages.inputs import hash_values
from prefill_assets.warehouse.store import Warehouse

TABLE = "eval_results"
_File = tuple[str, int, int, int]


def version_rates_elsewhere(warehouse: Warehouse, experiment: str) -> str:
    """Hash of the verdicts of every experiment but this one (16 hex digits).

    Where no file changed since the last time it costs a look at each, 10 µs: it is asked for with every look at a report.
    """
    versions = _version_verdicts(warehouse.root, tuple(sorted(_list_files(warehouse.root / TABLE))))
    return hash_values([(name, version) for name, version in versions.items() if name != experiment])


def _list_files(folder: Path) -> Iterator[_File]:
    for path in folder.glob("experiment=*/*/*/*.parquet"):
        with suppress(FileNotFoundError):  # pruned while we look
            state = path.stat()
            yield str(path), state.st_ino, state.st_size, state.st_mtime_ns


@lru_cache(maxsize=1)
def _version_verdicts(root: Path, files: tuple[_File, ...]) -> dict[str, str]:
    """A hash for each experiment; `files` only say whether it is known already."""
    data_versions: dict[str, list[tuple[int, int, str]]] = {}
    for key, written in Warehouse(root).list_partitions(TABLE).items() if files else ():
        data_versions.setdefault(key.experiment, []).append((*key.cell, written.data_version))
    return {name: hash_values(versions) for name, versions in sorted(data_versions.items())}
