"""The recipes of docs/cookbook.md: each question with its query and what the query gives over the two simulated experiments.

`python -m prefill_assets_tests.examples.cookbook` runs every query and writes what it gives into the document.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

COOKBOOK = Path(__file__).parents[2] / "docs" / "cookbook.md"
_RECIPE = re.compile(
    r"^## (?P<title>.+?)\n\n(?P<question>.+?)\n\n```sql\n(?P<sql>.+?)```\n\n(?P<output>(?:\|[^\n]*\n)*)\n*", re.M | re.S
)


@dataclass(frozen=True)
class Recipe:
    """One section of the cookbook."""

    title: str
    question: str
    sql: str
    output: str
    """A Markdown table, as it stands in the document."""

    @property
    def column_names(self) -> list[str]:
        return [name.strip() for name in self.output.splitlines()[0].strip("|").split("|")]


def read_recipes(text: str) -> list[Recipe]:
    """Every section that has a query, in order."""
    return [Recipe(**found.groupdict()) for found in _RECIPE.finditer(text)]


def run_recipe(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """What a query gives, as a Markdown table."""
    cursor = connection.execute(sql)
    names = [column[0] for column in cursor.description or ()]
    lines = [names, ["---"] * len(names), *([_write(value) for value in row] for row in cursor.fetchall())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def update_cookbook(connection: duckdb.DuckDBPyConnection, text: str) -> str:
    """The document with what its queries give now."""

    def replace(found: re.Match[str]) -> str:
        return text[found.start() : found.start("output")] + run_recipe(connection, found["sql"]) + "\n"

    return _RECIPE.sub(replace, text).rstrip("\n") + "\n"


def _write(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(_write, value))
    return f"{value + 0.0:g}" if isinstance(value, float) else str(value).replace("|", "\\|")


if __name__ == "__main__":
    import duckdb

    from prefill_assets.warehouse.catalog import create_views
    from prefill_assets_tests.examples.two_experiments import write_two_experiments

    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as written:
        create_views(written, write_two_experiments(Path(folder) / "warehouse"))
        COOKBOOK.write_text(update_cookbook(written, COOKBOOK.read_text(encoding="utf-8")), encoding="utf-8")
