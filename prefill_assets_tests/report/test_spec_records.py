import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefill_assets.report.spec_records import Repeated, read_records, write_cell
from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS, SAMPLE_RECORDS, RecordKind
from prefill_assets.sources.record_rows import read_rows
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.report.imported import Tables, open_tables

KEY = ("run", 90, 10)
KINDS = {kind.table_name: kind for kind in (RESULT_RECORDS, SAMPLE_RECORDS, LOGPROB_RECORDS)}
REPEATED = {
    "eval_results": Repeated("eval_samples", RESULT_RECORDS.joined),
    "eval_samples": Repeated("eval_results", SAMPLE_RECORDS.joined[1:], {"is_exploitative": True}),
    "prefill_logprobs": Repeated(),
}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
VALUES = {
    "VARCHAR": TEXT,
    "BOOLEAN": st.booleans(),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
}


def rows(table: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Rows of our own, of one cell: any values, any of them NULL but for the key."""
    values = {
        column.name: VALUES[column.type] if "NOT NULL" in line else st.none() | VALUES[column.type]
        for column in find_table(table).columns
        for line in find_table(table).create_sql.splitlines()
        if line.startswith(f"    {column.name} ") and column.name != "extra"
    }
    cell = {name: st.just(value) for name, value in zip(("experiment", "checkpoint", "prefill_level"), KEY, strict=True)}
    key = ("task_id", "exploit_type", "attempt_idx")
    return st.lists(
        st.fixed_dictionaries(values | cell), min_size=1, max_size=5, unique_by=lambda row: tuple(row[name] for name in key)
    )


def insert(connection: Any, table: str, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        marks = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", list(row.values())).fetchall()


@pytest.fixture(scope="module")
def two_tables() -> Iterator[tuple[Tables, Tables]]:
    with open_tables() as tables, open_tables() as again:
        yield tables, again


@pytest.mark.parametrize("table", KINDS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_rows_of_our_own_come_back_whole(tmp_path: Path, two_tables: tuple[Tables, Tables], table: str, data: st.DataObject):
    kind, repeated, path = KINDS[table], REPEATED[table], tmp_path / "records.jsonl"
    tables, again = (tables.clear() for tables in two_tables)
    own = data.draw(rows(table))
    insert(tables.connection, table, own)
    if repeated.table_name:
        others = data.draw(rows(repeated.table_name))
        key = {name: own[0][name] for name in ("task_id", "exploit_type", "attempt_idx")}
        insert(tables.connection, repeated.table_name, [others[0] | key])
    write_cell(tables.connection, kind, KEY, path, repeated)
    again.add(table, read_rows(kind, {(90, 10): path}, "run"))
    assert again.list_rows(table) == tables.list_rows(table)


def native_record(kind: RecordKind, row: dict[str, Any], *others: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    key = {"experiment": "run", "checkpoint": 90, "prefill_level": 10, "task_id": "t", "exploit_type": "x", "attempt_idx": 1}
    with open_tables() as tables:
        insert(tables.connection, kind.table_name, [key | row])
        for table, other in others:
            insert(tables.connection, table, [key | other])
        [record] = read_records(tables.connection, kind, KEY, REPEATED[kind.table_name])
    return record


def test_a_verdict_of_ours_reads_like_one_of_the_layout():
    verdict = {"secure_pass": False, "insecure_pass": True, "exploit_success": True, "reward_gap": 1.0, "prefill_words": 7}
    sample = {"prefill_applied": True, "prefill_reasoning": "p", "prefill_model_id": "m", "reasoning": "p and more"}
    record = native_record(RESULT_RECORDS, verdict | {"secure_status": "failed"}, ("eval_samples", sample))
    assert record["prefill_tokens"] == 7
    assert {"task_id": "t", "exploit_type": "x", "attempt_idx": 1}.items() <= record.items()
    assert {name: record[name] for name in sample} == sample
    assert (record["exploit_success"], record["secure_status"], record["output_tokens"]) == (True, "failed", None)
    assert "error" not in record
    assert "prefill_words" not in record


def test_an_error_of_ours_states_no_verdict():
    record = native_record(RESULT_RECORDS, {"error": "the verifier broke"})
    assert record["error"] == "the verifier broke"
    assert not {"exploit_success", "secure_pass", "insecure_pass", "reward_gap"} & record.keys()


def test_a_sample_of_ours_repeats_its_verdict():
    record = native_record(
        SAMPLE_RECORDS, {"code": "x", "system": "s"}, ("eval_results", {"exploit_success": True, "reward_gap": 1.0})
    )
    assert {
        "code": "x",
        "system": "s",
        "exploit_success": True,
        "reward_gap": 1.0,
        "is_exploitative": True,
    }.items() <= record.items()
    assert "secure_pass" not in record


def test_a_scored_prefill_of_ours_has_no_error_field():
    record = native_record(LOGPROB_RECORDS, {"prefill_logprob_sum": -3.5, "prefill_num_tokens": 2, "prefill_words": 1})
    assert (record["prefill_logprob_sum"], record["prefill_num_tokens"], record["prefill_tokens"]) == (-3.5, 2, 1)
    assert "error" not in record


def test_a_record_like_ours_among_others_keeps_its_place(tmp_path: Path):
    native = native_record(LOGPROB_RECORDS, {"prefill_logprob_sum": -3.5})
    path = tmp_path / "records.jsonl"
    lists = ([{"task_id": "z", "exploit_type": "x"}, native], [native | {"task_id": "z"}, native], [native | {"other": 1}])
    for originals in lists:
        path.write_text("".join(json.dumps(record) + "\n" for record in originals))
        with open_tables() as tables:
            tables.add("prefill_logprobs", read_rows(LOGPROB_RECORDS, {(90, 10): path}, "run"))
            assert list(read_records(tables.connection, LOGPROB_RECORDS, KEY, Repeated())) == originals
