"""`prefill prune`: what is kept of an experiment, or superseded versions of partitions, removed after saying what goes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations

if TYPE_CHECKING:
    from prefill_assets.retention.inventory import Inventory

DECLINED = 1


def answer_prune(arguments: argparse.Namespace) -> int:
    """List what would go, ask, and remove it; of a whole experiment, its partitions in Dagster too."""
    from prefill_assets.retention.removal import remove_inventory

    locations = Locations.find()
    inventory = _list_inventory(locations, arguments)
    if not inventory.holdings:
        print("there is nothing to remove")
        return 0
    _print_inventory(inventory)
    if not arguments.yes and not _ask():
        print("nothing was removed")
        return DECLINED

    def check() -> None:
        _require_idle(locations, inventory.experiments)
        _require_unchanged(inventory, _list_inventory(locations, arguments))

    remove_inventory(locations, inventory, None if arguments.superseded else _make_forget(locations), check)
    print("removed")
    return 0


def _require_idle(locations: Locations, experiments: Iterable[str]) -> None:
    """Raises InputError where Dagster has something at work, or in its queue, that may write partitions of these experiments."""
    from prefill_assets.runs.dead_runs import close_dead_runs
    from prefill_assets.runs.execution import open_instance
    from prefill_assets.runs.unfinished import find_unfinished_work

    instance = open_instance(locations)
    close_dead_runs(instance)
    for experiment in experiments:
        if work := find_unfinished_work(instance, experiment):
            raise InputError(f"{work} works on {experiment}, or is about to", remedy="wait for it, or cancel it in the UI")


def _require_unchanged(shown: Inventory, found: Inventory) -> None:
    """Raises InputError where there is something else now than what was shown, such as what a run has made since."""
    if found != shown:
        what = f"what is kept of {', '.join(shown.experiments)} changed since it was listed"
        raise InputError(f"{what}; nothing was removed", remedy="run the command again")


def _make_forget(locations: Locations) -> Callable[[str], None]:
    def forget(experiment: str) -> None:
        from prefill_assets.assets.partitions import forget_partitions
        from prefill_assets.runs.execution import open_instance

        forget_partitions(open_instance(locations), experiment)

    return forget


def _list_inventory(locations: Locations, arguments: argparse.Namespace) -> Inventory:
    from prefill_assets.retention.inventory import list_experiment, list_superseded

    if arguments.superseded:
        if arguments.with_files:
            raise InputError("--with-files goes with a whole experiment", remedy="leave out --superseded or --with-files")
        return list_superseded(locations, arguments.experiment, arguments.older_than)
    if arguments.older_than is not None:
        raise InputError("--older-than is about superseded versions", remedy="add --superseded")
    if arguments.experiment is None:
        raise InputError("nothing is named to be removed", remedy="name an experiment, or add --superseded")
    return list_experiment(locations, arguments.experiment, with_files=arguments.with_files)


def _print_inventory(inventory: Inventory) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from prefill_assets.report.numerals import write_count

    table = Table(title=escape(f"goes for good: {', '.join(inventory.experiments)}"))
    for heading in ("what", "partitions", "rows", "size"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for holding in inventory.holdings:
        counts = ["" if count is None else write_count(count) for count in (holding.num_partitions, holding.num_rows)]
        table.add_row(escape(holding.what), *counts, _write_size(holding.num_bytes))
    table.add_section()
    table.add_row("in all", "", "", _write_size(sum(holding.num_bytes for holding in inventory.holdings)))
    Console().print(table)
    for line in inventory.left:
        print(f"stays: {line}")


def _ask() -> bool:
    """Whether the one at the terminal says yes. Raises InputError where nobody is there to ask."""
    if not sys.stdin.isatty():
        raise InputError("nobody is there to confirm", remedy="add --yes to remove this without being asked")
    try:
        return input("remove it? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _write_size(num_bytes: int) -> str:
    size, unit = float(num_bytes), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
