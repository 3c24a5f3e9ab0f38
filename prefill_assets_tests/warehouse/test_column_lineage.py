"""The declared sources of columns, against the tables, the asset graph, and what the code that computes them reads."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from prefill_assets.analysis.queries import read_statement
from prefill_assets.definitions import defs
from prefill_assets.stages.judging import SAMPLE_COLUMNS
from prefill_assets.stages.prefill_scoring import PREFILL_COLUMNS
from prefill_assets.warehouse.column_lineage import find_column_lineage
from prefill_assets.warehouse.table import PARTITION_COLUMNS, find_table

READ_FROM_FILES = ("problems", "prefill_traces")
COMPUTED = [name for name in PARTITION_COLUMNS if name not in READ_FROM_FILES]
EVERY_COMPUTED_TABLE = pytest.mark.parametrize("table", COMPUTED)

STATEMENTS = {
    "trajectory": "trajectory",
    "trajectory_analysis": "trajectory_analysis",
    "trajectory_with_logprob": "trajectory_with_logprob",
    "predictor_comparison": "predictor_rows",
    "threshold_comparison": "threshold_comparison",
}
KEYS = {"experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx"}
"""They group and join rows: a statement that names one need not compute anything from it."""


def list_sources(table: str) -> set[tuple[str, str]]:
    return {
        (upstream, column)
        for sources in find_column_lineage(table).values()
        for upstream, columns in sources.items()
        for column in columns
    }


@EVERY_COMPUTED_TABLE
def test_every_column_is_declared_in_the_order_of_its_table(table):
    assert list(find_column_lineage(table)) == list(find_table(table).column_names)


@EVERY_COMPUTED_TABLE
def test_every_source_is_a_column_of_an_upstream_table(table):
    parents = {key.to_user_string() for key in defs.resolve_asset_graph().get(dg.AssetKey(table)).parent_keys}
    parents &= PARTITION_COLUMNS.keys()  # settings and files have no columns
    sources = list_sources(table)

    assert {upstream for upstream, _ in sources} == parents
    assert [f"{upstream}.{column}" for upstream, column in sources if column not in find_table(upstream).column_names] == []


@pytest.mark.parametrize("table", STATEMENTS)
def test_the_sources_of_a_query_are_the_columns_that_it_names(table):
    named = set(re.findall(r"(?<!\$)\b\w+\b", re.sub("--.*", "", read_statement(STATEMENTS[table]))))
    sources = list_sources(table)
    upstream_columns = {(upstream, c) for upstream in {u for u, _ in sources} for c in find_table(upstream).column_names}

    assert {column for _, column in sources} <= named
    assert {(upstream, column) for upstream, column in upstream_columns if column in named and column not in KEYS} <= sources


@pytest.mark.parametrize(("table", "read"), [("eval_results", SAMPLE_COLUMNS), ("prefill_logprobs", PREFILL_COLUMNS)])
def test_the_sources_of_verdicts_and_scores_are_what_their_stage_reads(table, read):
    assert {column for _, column in list_sources(table)} - KEYS == set(read) - KEYS


def test_what_is_read_from_files_has_no_upstream_columns():
    assert [find_column_lineage(table) for table in READ_FROM_FILES] == [{}, {}]
