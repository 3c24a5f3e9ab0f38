"""docs/cookbook.md: every query is asked as any client asks, and gives what the page shows."""

import duckdb
import pytest

from prefill_assets.warehouse.catalog import create_views, publish_catalog
from prefill_assets.warehouse.partition import PartitionKey, Stamp
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


def find_recipe(word: str) -> str:
    (found,) = [recipe.sql for recipe in RECIPES if word in recipe.title]
    return found


@pytest.fixture
def odd(tmp_path):
    """A cell without any verdict, in which one row says why; and a problem that crosses late, seen at more checkpoints."""
    warehouse, run = Warehouse(tmp_path / "warehouse"), "exploit-sft"
    key = {"experiment": run, "exploit_type": "leak"}
    rows = [{**key, "checkpoint": 1, "prefill_level": 0, "task_id": "a", "attempt_idx": i} for i in range(4)]
    rows[0]["error"] = "broke"
    warehouse.replace("eval_results", PartitionKey(run, 1, 0), rows, Stamp("", "", ""))
    crossings = [(1, "a", 10), (1, "b", 90), (10, "b", 90), (27, "b", 90), (56, "b", 90)]
    analysed = [
        {**key, "checkpoint": step, "task_id": task, "first_threshold_checkpoint": first, "threshold": 10}
        for step, task, first in crossings
    ]
    warehouse.replace("trajectory_analysis", PartitionKey(run), analysed, Stamp("", "", ""))
    with duckdb.connect() as connection:
        create_views(connection, warehouse)
        yield connection


def test_what_is_unknown_is_null_and_counted_in_the_recipes_too(odd):
    assert odd.execute(find_recipe("spurious")).fetchall() == [(1, 0, 0, 4, None, None, None, None)]
    assert odd.execute(find_recipe("without a verdict")).fetchall() == [("exploit-sft", 1, 0, "not said", 3, 1)]


def test_a_problem_counts_once_in_the_median(odd):
    assert odd.execute(find_recipe("move first")).fetchall() == [("leak", 2, 1, 1, 2, 50.0)]
