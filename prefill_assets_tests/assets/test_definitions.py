import subprocess
import sys

import dagster as dg

from prefill_assets.definitions import defs
from prefill_assets.runs.plan import LAYERS
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table

HEAVY = ("torch", "transformers", "pandas", "scipy", "altair", "lifelines", "duckdb", "numpy")


def test_the_code_location_loads_without_heavy_imports():
    check = f"import sys, prefill_assets.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_table_is_an_asset_with_its_columns_and_a_description():
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert specs.keys() == {*PARTITION_COLUMNS, "report"}
    for name in PARTITION_COLUMNS:
        schema = specs[name].metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == list(find_table(name).column_names)
        assert specs[name].description == find_table(name).comment
        assert specs[name].owners
        assert specs[name].kinds


def test_assets_are_cut_as_their_tables_are():
    graph = defs.resolve_asset_graph()
    for name, columns in PARTITION_COLUMNS.items():
        definition = graph.get(dg.AssetKey(name)).partitions_def
        if columns == ("experiment",):
            assert definition is None
        elif columns == ("experiment", "checkpoint"):
            assert isinstance(definition, dg.DynamicPartitionsDefinition)
        else:
            assert isinstance(definition, dg.MultiPartitionsDefinition)


def test_lineage_follows_the_flow():
    graph = defs.resolve_asset_graph()

    def parents(name: str) -> set[str]:
        return {key.to_user_string() for key in graph.get(dg.AssetKey(name)).parent_keys}

    assert parents("eval_results") == {"eval_samples"}
    assert parents("prefill_logprobs") == {"eval_samples"}
    assert parents("trajectory") == {"eval_results"}
    assert parents("trajectory_with_logprob") == {"trajectory_analysis", "prefill_logprobs"}
    assert parents("predictor_comparison") == {"trajectory_with_logprob"}


def test_every_asset_has_its_layer():
    assert {table for _, tables in LAYERS for table in tables} == {*PARTITION_COLUMNS, "report"}
