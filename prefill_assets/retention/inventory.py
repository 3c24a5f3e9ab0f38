"""What there is of an experiment under `data/`: partitions, earlier versions of them, records, reports and files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.retention.own_files import list_own_files
from prefill_assets.warehouse import run_record, superseded
from prefill_assets.warehouse.partition_file import quote_files
from prefill_assets.warehouse.table import PARTITION_COLUMNS

_PREFIX, _NO_EXPERIMENT = "experiment=", "_"
_BLOCK_BYTES = 512  # of st_blocks, whatever the file system's own


@dataclass(frozen=True)
class Holding:
    """Some of what is kept, and what would go with it."""

    what: str
    paths: tuple[Path, ...]
    """Files and folders; each goes whole."""
    files: frozenset[tuple[Path, int, int]]
    """Path, size and time of writing of every file in them when they were listed: where one changed, it is another holding."""
    num_bytes: int = field(compare=False)
    """What the files take on the disk: holes take nothing, and some file systems say only later what a file takes."""
    num_partitions: int | None = None
    num_rows: int | None = None


@dataclass(frozen=True)
class Inventory:
    """What a removal would take, in the order in which it goes, and what it leaves and why."""

    experiments: tuple[str, ...]
    holdings: tuple[Holding, ...]
    left: tuple[str, ...] = ()


def list_experiments(locations: Locations) -> list[str]:
    """Every name under which something is kept, or that is registered."""
    from prefill_assets.sources.experiment_registry import ExperimentRegistry

    warehouse = locations.warehouse
    folders = [*warehouse.glob(f"*/{_PREFIX}*"), *(warehouse / superseded.FOLDER).glob(f"*/{_PREFIX}*")]
    places = (locations.reports, locations.exports, warehouse / run_record.FOLDER)
    names = {path.name.removeprefix(_PREFIX) for path in folders}
    names |= {path.name for place in places for path in place.glob("*/")}
    names |= {path.stem for path in locations.registered_experiments.glob("*.yaml")}
    return sorted((names | set(ExperimentRegistry(locations).list_run_dirs())) - {_NO_EXPERIMENT})


def list_experiment(locations: Locations, experiment: str, *, with_files: bool = False) -> Inventory:
    """Everything that we keep of an experiment.

    With `with_files` also its run folder and checkpoints, where they lie under `data/` and no other experiment needs them.
    Raises InputError for a name of which nothing is known.
    """
    known = list_experiments(locations)
    if experiment not in known:
        raise InputError(f"no experiment {experiment!r}", remedy=f"known are: {', '.join(known) or 'none'}")
    warehouse = locations.warehouse
    files, left = list_own_files(locations, experiment, with_files=with_files)
    holdings = [
        _hold("report", [locations.reports / experiment]),
        _hold("exports", [locations.exports / experiment]),
        _hold("analyses", _find_analyses(locations, experiment)),
        *(_hold_partitions(table, warehouse / table / f"{_PREFIX}{experiment}") for table in reversed(PARTITION_COLUMNS)),
        *_hold_superseded(locations, experiment, None),
        _hold("run records", [warehouse / run_record.FOLDER / experiment]),
        *(_hold(what, [path]) for what, path in files),
        _hold("registration", [locations.registered_experiments / f"{experiment}.yaml"]),
    ]
    return Inventory((experiment,), tuple(filter(None, holdings)), tuple(left))


def list_superseded(locations: Locations, experiment: str | None = None, older_than_days: float | None = None) -> Inventory:
    """Superseded versions of partitions, of one experiment or of all, that were written more than so many days ago.

    Raises InputError for a name of which nothing is known.
    """
    known = list_experiments(locations)
    if experiment is not None and experiment not in known:
        raise InputError(f"no experiment {experiment!r}", remedy=f"known are: {', '.join(known) or 'none'}")
    names = [experiment] if experiment is not None else known
    holdings = [(name, holding) for name in names for holding in _hold_superseded(locations, name, older_than_days)]
    return Inventory(tuple(dict.fromkeys(name for name, _ in holdings)), tuple(holding for _, holding in holdings))


def _hold(what: str, paths: Iterable[Path]) -> Holding | None:
    there = tuple(path for path in paths if path.exists() or path.is_symlink())
    return Holding(what, there, *_look_at_files(there)) if there else None


def _hold_partitions(table: str, folder: Path) -> Holding | None:
    files = _read_stamps(folder)
    return _hold_rows(table, (folder,), [rows for _, rows in files]) if folder.exists() else None


def _hold_rows(what: str, paths: tuple[Path, ...], num_rows: list[int]) -> Holding:
    return Holding(what, paths, *_look_at_files(paths), len(num_rows), sum(num_rows))


def _hold_superseded(locations: Locations, experiment: str, older_than_days: float | None) -> Iterator[Holding]:
    for table in superseded.KEPT_TABLES:
        folder = locations.warehouse / superseded.FOLDER / table / f"{_PREFIX}{experiment}"
        if files := _read_stamps(folder, older_than_days):
            paths = (folder,) if older_than_days is None else tuple(path for path, _ in files)
            yield _hold_rows(f"superseded {table}", paths, [rows for _, rows in files])


def _read_stamps(folder: Path, older_than_days: float | None = None) -> list[tuple[Path, int]]:
    """(file, rows) of every partition file under a folder, or of those that were written longer ago."""
    import duckdb

    if not any(folder.rglob("*.parquet")):
        return []
    rows = duckdb.connect().execute(
        f"""
        WITH stamps AS (
            SELECT file_name, map_from_entries(list((decode(key), decode(value)))) AS stamp
            FROM parquet_kv_metadata({quote_files(folder, "/**/*.parquet")})
            GROUP BY file_name
        )
        SELECT file_name, coalesce(stamp['num_rows']::BIGINT, 0) FROM stamps
        WHERE $days::DOUBLE IS NULL OR stamp['written_at']::TIMESTAMPTZ < now() - $days::DOUBLE * INTERVAL 1 DAY
        ORDER BY file_name
        """,
        {"days": older_than_days},
    )
    return [(Path(name), num_rows) for name, num_rows in rows.fetchall()]


def _find_analyses(locations: Locations, experiment: str) -> list[Path]:
    """Folders of `prefill run` that say they are of this experiment."""
    import yaml

    found = []
    for config in sorted(locations.full_analyses.glob("*/config.yaml")):
        try:
            values = yaml.safe_load(config.read_text(encoding="utf-8"))
        except (yaml.YAMLError, OSError, UnicodeDecodeError):
            continue
        if isinstance(values, dict) and values.get("experiment") == experiment:
            found.append(config.parent)
    return found


def _look_at_files(paths: Iterable[Path]) -> tuple[frozenset[tuple[Path, int, int]], int]:
    """What a holding says of its files, and what they take."""
    found, num_bytes = [], 0
    for file in (file for path in paths for file in _list_files(path)):
        with suppress(FileNotFoundError):  # a draft that a run has just renamed
            status = file.lstat()
            found.append((file, status.st_size, status.st_mtime_ns))
            num_bytes += status.st_blocks * _BLOCK_BYTES
    return frozenset(found), num_bytes


def _list_files(path: Path) -> Iterable[Path]:
    if path.is_symlink() or not path.is_dir():
        return [path]
    return (file for file in path.rglob("*") if file.is_symlink() or file.is_file())
