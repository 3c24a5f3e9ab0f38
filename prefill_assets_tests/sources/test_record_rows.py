import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefill_assets.errors import InputError
from prefill_assets.report.spec_records import Repeated, read_records
from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESERVED, RESULT_RECORDS, SAMPLE_RECORDS, Field, RecordKind
from prefill_assets.sources.record_rows import read_rows, read_tables
from prefill_assets_tests.report.imported import Tables, open_tables

KINDS = {kind.table_name: kind for kind in (RESULT_RECORDS, SAMPLE_RECORDS, LOGPROB_RECORDS)}
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.floats() | st.integers(-(2**80), 2**80)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
)
VALUES = {
    "VARCHAR": TEXT,
    "BOOLEAN": st.booleans(),
    "INTEGER": st.integers(-(2**31), 2**31 - 1),
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": NUMBERS,
}


def _values(field: Field) -> st.SearchStrategy[Any]:
    is_key = field.name in ("task_id", "exploit_type", "attempt_idx")
    return VALUES[field.type] if is_key else st.none() | VALUES[field.type]


@st.composite
def records(draw: st.DrawFn, kind: RecordKind) -> list[dict[str, Any]]:
    """Records with any of the known fields, any others, and a key each."""
    known = {field.name: _values(field) for field in kind.fields}
    keys = {name: known.pop(name) for name in ("task_id", "exploit_type")}
    unknown = st.dictionaries(TEXT.filter(lambda name: name not in {*known, *keys, *RESERVED}), JSON, max_size=4)
    drawn = draw(
        st.lists(
            st.tuples(st.fixed_dictionaries(keys, optional=known), unknown).map(lambda parts: parts[0] | parts[1]),
            min_size=1,
            max_size=5,
            unique_by=lambda record: (record["task_id"], record["exploit_type"], record.get("attempt_idx", 0)),
        )
    )
    return [dict(draw(st.permutations(list(record.items())))) for record in drawn]


@pytest.fixture(scope="module")
def tables() -> Iterator[Tables]:
    with open_tables() as opened:
        yield opened


@pytest.mark.parametrize("table", KINDS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_every_record_comes_back_as_it_was(tmp_path: Path, tables: Tables, table: str, data: st.DataObject):
    kind = KINDS[table]
    originals = data.draw(records(kind))
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=i % 2 == 0) + "\n" for i, record in enumerate(originals)), "utf-8")
    tables.clear().add(table, read_rows(kind, {(90, 10): path}, "run"))
    restored = list(read_records(tables.connection, kind, ("run", 90, 10), Repeated()))
    assert [json.dumps(r, sort_keys=True) for r in restored] == [json.dumps(r, sort_keys=True) for r in originals]


def write_cell(folder: Path, cell: tuple[int, int], count: int) -> Path:
    path = folder / f"checkpoint-{cell[0]}_prefill{cell[1]}.jsonl"
    lines = (json.dumps({"task_id": f"{cell} {i}", "exploit_type": "x", "attempt_idx": i}) for i in range(count))
    path.write_text("\n".join(lines))
    return path


def test_many_cells_at_once_are_the_same_as_one_by_one(tmp_path: Path):
    paths = {(step, level): write_cell(tmp_path, (step, level), 3 + step + level) for step in (1, 10) for level in (0, 30)}
    together = read_rows(RESULT_RECORDS, paths, "run").order("ALL").fetchall()
    apart = [row for cell, path in paths.items() for row in read_rows(RESULT_RECORDS, {cell: path}, "run").fetchall()]
    assert together == sorted(apart)
    assert len(together) == 3 * 4 + 11 * 2 + 30 * 2


def test_the_faulty_file_of_many_is_named(tmp_path: Path):
    paths = {(step, 0): write_cell(tmp_path, (step, 0), 2) for step in (1, 10, 90)}
    paths[10, 0].write_text('{"task_id": "t", "exploit_type": "x"}\n{"task_id": "t"}\n')
    with pytest.raises(InputError, match=r"checkpoint-10_prefill0.jsonl:2: the record has no exploit_type"):
        read_rows(RESULT_RECORDS, paths, "run")
    paths[10, 0].write_text("")
    with pytest.raises(InputError, match=r"checkpoint-10_prefill0.jsonl: the file is empty"):
        read_rows(RESULT_RECORDS, paths, "run")


def test_files_longer_than_what_a_thread_reads_at_once_keep_their_rows_and_places(tmp_path: Path):
    paths = {(step, 0): write_cell(tmp_path, (step, 0), 4000 + step) for step in range(6)}
    for (step, _), table in read_tables(RESULT_RECORDS, paths, "run").items():
        assert table["attempt_idx"].to_pylist() == sorted(range(4000 + step), key=lambda i: f"({step}, 0) {i}")
        assert set(table["checkpoint"].to_pylist()) == {step}
        places = [json.loads(extra)["_record"] for extra in table["extra"].to_pylist()]
        assert places == [i + 1 for i in table["attempt_idx"].to_pylist()]
