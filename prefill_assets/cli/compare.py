"""`prefill compare`: two experiments side by side, as a table and as a plot."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations

if TYPE_CHECKING:
    import duckdb

SUFFIXES = (".png", ".svg", ".html")
DIFFERENCES = """
SELECT
    checkpoint, prefill_level, num_attempts, exploit_rate, other_num_attempts, other_exploit_rate,
    difference, difference_low, difference_high
FROM exploit_rate_differences
WHERE experiment = ? AND other_experiment = ?
ORDER BY ALL
"""


def answer_compare(arguments: argparse.Namespace) -> int:
    """Print the exploit rates of both at every checkpoint and level that they share, and draw them."""
    from prefill_assets.warehouse.catalog import open_catalog
    from prefill_assets.warehouse.store import Warehouse

    locations = Locations.find()
    names = (arguments.experiment, arguments.other_experiment)
    output = arguments.output or locations.reports / names[0] / f"compared-with-{names[1]}.png"
    if output.suffix not in SUFFIXES:
        raise InputError(f"{output.name!r} names no kind of picture", remedy=f"end it in {', '.join(SUFFIXES)}")
    with open_catalog(Warehouse(locations.warehouse), locations.catalog) as connection:
        _require_experiments(connection, names)
        rows = connection.execute(DIFFERENCES, names).fetchall()
        rates = connection.execute("FROM exploit_rates WHERE experiment IN (?, ?) ORDER BY ALL", names).df()
    if not rows:
        raise InputError(
            f"{names[0]} and {names[1]} have no checkpoint and prefill level in common", remedy="evaluate both at some"
        )
    _print_differences(names, rows)
    _write_plot(rates, names, output)
    print(f"plot: {output}")
    return 0


def _require_experiments(connection: duckdb.DuckDBPyConnection, names: tuple[str, str]) -> None:
    known = [name for (name,) in connection.execute("SELECT DISTINCT experiment FROM exploit_rates ORDER BY 1").fetchall()]
    for name in names:
        if name not in known:
            raise InputError(
                f"no experiment {name!r} has verdicts", remedy=f"those that have some: {', '.join(known) or 'none yet'}"
            )
    if names[0] == names[1]:
        raise InputError(f"{names[0]!r} is named twice", remedy="name two experiments")


def _print_differences(names: tuple[str, str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from prefill_assets.report.numerals import write_rate

    table = Table(title=escape(f"exploit rate: {names[0]} (A) against {names[1]} (B)"))
    for heading in ("checkpoint", "prefill", "A", "of", "B", "of", "A − B", "95 % interval", ""):
        table.add_column(heading, justify="right")
    for step, level, n, rate, other_n, other_rate, difference, low, high in rows:
        parts = "" if low is None or low <= 0 <= high else "differs"
        table.add_row(
            *(str(step), str(level), write_rate(rate), str(n), write_rate(other_rate), str(other_n)),
            *(_write_points(difference), f"{_write_points(low)} to {_write_points(high)}", parts),
        )
    Console().print(table)
    print("A − B in percentage points, with Newcombe's interval; attempts taken as independent, rows without a verdict left out")


def _write_points(share: float | None) -> str:
    return "unknown" if share is None else f"{100 * share:+.1f}".replace("-", "−")


def _write_plot(rates: Any, names: tuple[str, str], output: Path) -> None:
    from prefill_assets.report.charts.experiments_by_level import draw_experiments_by_level
    from prefill_assets.report.rendering import to_html, to_png, to_svg

    write: dict[str, Callable[[Any], bytes]] = {
        ".png": to_png,
        ".svg": lambda chart: to_svg(chart).encode(),
        ".html": lambda chart: to_html(chart).encode(),
    }
    content = write[output.suffix](draw_experiments_by_level(rates, *names))
    output.parent.mkdir(parents=True, exist_ok=True)
    draft = output.with_name(f".{output.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(output)
