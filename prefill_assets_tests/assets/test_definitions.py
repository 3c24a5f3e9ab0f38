import subprocess
import sys

import dagster as dg

from prefill_assets.definitions import defs
from prefill_assets.runs.plan import LAYERS
from prefill_assets.stages.observed_inputs import OBSERVED_INPUTS
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table

HEAVY = ("torch", "transformers", "pandas", "scipy", "altair", "lifelines", "duckdb", "numpy")


def test_the_code_location_loads_without_heavy_imports():
    check = f"import sys, prefill_assets.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_every_table_is_an_asset_with_its_columns_and_a_description():
    specs = {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}
    assert specs.keys() == {*PARTITION_COLUMNS, "report", *OBSERVED_INPUTS}
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

    assert parents("eval_results") == {"eval_samples", "verification_inputs"}
    assert parents("prefill_logprobs") == {"eval_samples", "scoring_inputs"}
    assert parents("trajectory") == {"eval_results", "trajectory_settings"}
    assert parents("trajectory_with_logprob") == {"trajectory_analysis", "prefill_logprobs", "integration_inputs"}
    assert parents("predictor_comparison") == {"trajectory_with_logprob", "predictor_inputs"}


def test_every_asset_has_its_layer():
    assert {table for _, tables in LAYERS for table in tables} == {*PARTITION_COLUMNS, "report"}


def test_column_lineage_leads_to_the_upstream_asset_in_the_api_and_in_the_column_table():
    metadata = {spec.key.to_user_string(): spec.metadata for spec in defs.resolve_all_asset_specs()}
    deps = metadata["trajectory"]["dagster/column_lineage"].deps_by_column
    column = next(c for c in metadata["trajectory"]["dagster/column_schema"].columns if c.name == "min_prefill")

    assert dg.TableColumnDep("eval_results", "exploit_success") in deps["min_prefill"]
    assert column.description.endswith("\n\n← [eval_results](/assets/eval_results) `prefill_level`, `exploit_success`, `error`")
    for name in PARTITION_COLUMNS:
        assert ("dagster/column_lineage" in metadata[name]) == (name not in ("problems", "prefill_traces"))


def test_everything_that_a_user_may_start_or_switch_on_says_what_it_does():
    repository = defs.get_repository_def()
    named = [*repository.sensor_defs, *(job for job in repository.get_all_jobs() if not job.name.startswith("__"))]
    assert len(named) >= len(LAYERS) + 2
    assert [definition.name for definition in named if not definition.description] == []
