"""docs/cookbook.md: every query is asked as any client asks, and gives what the page shows."""

import duckdb
import pytest

from prefill_assets.warehouse.catalog import publish_catalog
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.examples.cookbook import COOKBOOK, read_recipes, run_recipe

TEXT = COOKBOOK.read_text(encoding="utf-8")
RECIPES = read_recipes(TEXT)


@pytest.fixture(scope="module")
def reader(simulated_warehouse, tmp_path_factory):
    """A client that knows nothing but the DuckDB file."""
    catalog = tmp_path_factory.mktemp("client") / "prefill.duckdb"
    publish_catalog(Warehouse(simulated_warehouse), catalog)
    with duckdb.connect(str(catalog), read_only=True) as connection:
        yield connection


def test_every_query_of_the_page_is_a_recipe():
    assert len(RECIPES) == 12
    assert TEXT.count("```sql") == TEXT.count("\n## ") == len(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_query_gives_what_the_page_shows(reader, recipe):
    given = run_recipe(reader, recipe.sql)
    assert [name.strip() for name in given.splitlines()[0].strip("|").split("|")] == recipe.column_names
    assert given == recipe.output, "`python -m prefill_assets_tests.examples.cookbook` writes the page anew"
    assert given.count("\n") > 2, "a query without an answer shows nothing"
