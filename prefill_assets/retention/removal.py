"""Removal of what an inventory lists: all of a folder at once, again and again if need be, and never while a run is at work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.retention.inventory import Inventory

PRUNED = "pruned"
"""Folder under `data/` through which everything goes, so that readers of the warehouse see a table's partitions or none."""


def remove_inventory(
    locations: Locations,
    inventory: Inventory,
    forget: Callable[[str], object] | None = None,
    check: Callable[[], object] | None = None,
) -> None:
    """Remove what an inventory lists, in its order; what is gone already is passed over.

    Killed at any moment, it leaves each folder whole or gone, and the same command does the rest: an experiment is known until
    its last holding went. `forget(experiment)` is called first, for whatever else knows of its partitions; before that `check()`,
    once no `prefill run` can begin on these experiments: what it raises leaves everything as it is.
    Raises InputError where a run of one of the experiments is at work, before anything is removed.
    """
    with _take_turns(locations, inventory.experiments):
        if check is not None:
            check()
        trash = locations.data / PRUNED
        _empty(trash)
        trash.mkdir(parents=True)
        if forget is not None:
            for experiment in inventory.experiments:
                forget(experiment)
        for number, holding in enumerate(inventory.holdings):
            for place, path in enumerate(holding.paths):
                _move_out(path, trash / f"{number}-{place}")
        _empty(trash)


def _move_out(path: Path, place: Path) -> None:
    try:
        path.rename(place)
    except FileNotFoundError:
        return
    except OSError:  # on another file system
        _empty(path)
    _remove_empty_parents(path.parent)


def _remove_empty_parents(folder: Path) -> None:
    """Folders of a partition that held nothing but the file that went."""
    while "=" in folder.name:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _empty(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _take_turns(locations: Locations, experiments: tuple[str, ...]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    locations.experiment_locks.mkdir(parents=True, exist_ok=True)
    wanted = [(locations.locks / ".prune.lock", "another `prefill prune`")]
    wanted += [(locations.experiment_locks / f"{name}.lock", f"a run of {name}") for name in experiments]
    with ExitStack() as held:
        for file, who in wanted:
            lock = FileLock(file)
            try:
                held.enter_context(lock.acquire(timeout=0))
            except Timeout as error:
                raise InputError(f"{who} is at work", remedy="wait for its end, or stop it") from error
        yield
