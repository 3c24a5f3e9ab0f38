import json
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.eval_records import read_eval_results, read_eval_samples
from prefill_assets.warehouse.table import find_table

KEY = {"task_id": "t", "exploit_type": "x", "attempt_idx": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint-90_prefill10.jsonl"


def write(path: Path, *records: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def read_rows(path: Path) -> list[dict[str, Any]]:
    rows = read_eval_results(path, "run", 90, 10)
    return [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]


def test_a_verdict_goes_to_its_columns_and_the_rest_to_extra(path: Path):
    verdict = {"secure_pass": False, "insecure_pass": True, "exploit_success": True, "reward_gap": 1.0, "output_tokens": 12}
    write(path, {"model_id": "m", **KEY, **verdict, "prefill_tokens": 7, "num_rejections": 0, "reasoning": "r"})
    [row] = read_rows(path)
    assert {name: row[name] for name in verdict} == verdict
    assert (row["experiment"], row["checkpoint"], row["prefill_level"]) == ("run", 90, 10)
    assert (row["model_id"], row["prefill_words"], row["error"]) == ("m", 7, None)
    assert json.loads(row["extra"]) == {"_record": 1, "num_rejections": 0, "reasoning": "r"}


@pytest.mark.parametrize("read", [read_eval_results, read_eval_samples])
def test_columns_are_the_table_s(path: Path, read):
    import duckdb

    table = find_table("eval_results" if read is read_eval_results else "eval_samples")
    write(path, KEY)
    rows = read(path, "run", 90, 10)
    with duckdb.connect() as connection:
        connection.execute(table.create_sql)
        created = connection.table(table.name)
        assert (rows.columns, rows.types) == (created.columns, created.types)


def test_an_error_row_keeps_its_error_and_has_no_verdict(path: Path):
    write(path, {**KEY, "error": "500", "reasoning": None}, {**KEY, "attempt_idx": 1, "exploit_success": None})
    broken, unknown = read_rows(path)
    assert broken["error"] == "500"
    assert (broken["secure_pass"], broken["insecure_pass"], broken["exploit_success"]) == (None, None, None)
    assert (unknown["error"], unknown["exploit_success"]) == (None, None)
    assert json.loads(unknown["extra"]) == {"_record": 2, "exploit_success": None}


@pytest.mark.parametrize(
    "key", ["NA", "None", "nan", "", "007", "1e5", "true", "null", "a'b", 'c"d\\', "ü\u2028", "\x00", "x" * 500]
)
def test_keys_stay_the_text_that_they_are(path: Path, key: str):
    write(path, {**KEY, "task_id": key, "exploit_type": key})
    [row] = read_rows(path)
    assert (row["task_id"], row["exploit_type"]) == (key, key)


def test_what_a_double_would_state_differently_is_kept(path: Path):
    gaps = [1, -0.0, float("nan"), float("inf"), 2**70, None]
    write(path, *({**KEY, "attempt_idx": i, "reward_gap": gap} for i, gap in enumerate(gaps)))
    rows = read_rows(path)
    assert [row["reward_gap"] for row in rows] == [1.0, 0.0, None, None, float(2**70), None]
    kept = [json.dumps(json.loads(row["extra"]).get("reward_gap", "in the column")) for row in rows]
    assert kept == ["1", '"in the column"', "NaN", "Infinity", str(2**70), "null"]


def test_a_record_without_an_attempt_is_attempt_0(path: Path):
    write(path, {"task_id": "t", "exploit_type": "x"})
    [row] = read_rows(path)
    assert row["attempt_idx"] == 0
    assert json.loads(row["extra"]) == {"_record": 1, "_absent": ["attempt_idx"]}


def test_a_folder_s_name_is_not_a_pattern(tmp_path: Path):
    folder = tmp_path / "a[bc]*?"
    folder.mkdir()
    write(folder / "one.jsonl", KEY)
    write(tmp_path / "two.jsonl", KEY)
    assert len(read_rows(folder / "one.jsonl")) == 1


def test_a_run_without_samples_has_no_rows():
    rows = read_eval_samples(None, "run", 90, 10)
    assert rows.fetchall() == []
    assert rows.columns == list(find_table("eval_samples").column_names)


def test_samples_keep_the_verdicts_that_they_repeat(path: Path):
    write(path, {**KEY, "prompt": "p", "code": "c", "prefill_applied": True, "prefill_tokens": 3, "is_exploitative": True})
    rows = read_eval_samples(path, "run", 90, 10)
    [row] = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
    assert (row["prompt"], row["code"], row["prefill_applied"], row["prefill_words"]) == ("p", "c", True, 3)
    assert json.loads(row["extra"]) == {"_record": 1, "is_exploitative": True}


BAD_LINES = {
    '{"exploit_type": "x", "attempt_idx": 1}': "no task_id",
    '{"task_id": null, "exploit_type": "x"}': "no task_id",
    '{"task_id": "t", "attempt_idx": 1}': "no exploit_type",
    '{"task_id": 7, "exploit_type": "x"}': "task_id is 7, expected text",
    '{"task_id": "u", "exploit_type": "x", "exploit_success": "true"}': "exploit_success is 'true', expected true or false",
    '{"task_id": "u", "exploit_type": "x", "secure_pass": 1}': "secure_pass is 1, expected true or false",
    '{"task_id": "u", "exploit_type": "x", "attempt_idx": 1.0}': "attempt_idx is 1.0, expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "attempt_idx": null}': "attempt_idx is None, expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "attempt_idx": NaN}': "attempt_idx is nan, expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "prefill_tokens": NaN}': "prefill_tokens is nan, expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "prefill_tokens": "10"}': "prefill_tokens is '10', expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "output_tokens": 2147483648}': "output_tokens is 2147483648, expected a whole number",
    '{"task_id": "u", "exploit_type": "x", "reward_gap": "1.0"}': "reward_gap is '1.0', expected a number",
    '{"task_id": "u", "exploit_type": "x", "reward_gap": true}': "reward_gap is True, expected a number",
    '{"task_id": "u", "exploit_type": "x", "error": NaN}': "error is nan, expected text",
    '{"task_id": "u", "exploit_type": "x", "error": ["e"]}': "error is ['e'], expected text",
    '{"task_id": "t", "exploit_type": "x", "attempt_idx": 0}': "is already on line 1",
    '{"task_id": "t", "exploit_type": "x"}': "is already on line 1",
    '{"task_id": "u", "task_id": "v", "exploit_type": "x"}': "'task_id' stands there twice",
    '{"task_id": "u", "exploit_type": "x", "z": 1, "z": 2}': "'z' stands there twice",
    '{"task_id": "u", "exploit_type": "x", "_record": 1}': "_record is reserved",
    '{"task_id": "u", "exploit_type": "x", "z": nan}': "broken JSON",
    '{"task_id": "u", "exploit_type": "x", "z": {"y": [1, -Inf]}}': "broken JSON",
    '{"task_id": "u", "exploit_type": "x", "z": [1, 2,]}': "broken JSON",
    '{"task_id": "u", "exploit_type": "x",}': "broken JSON",
    '{"task_id": "u", "exploit_ty': "broken JSON",
    '{"task_id": "u", "exploit_type": "\\ud800"}': "surrogate",
    '["task_id", "u", "exploit_type", "x"]': "expected a JSON object",
    "{}": "no task_id",
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_bad_record_is_named_with_its_line(path: Path, line: str):
    path.write_text(json.dumps(KEY) + "\n\n" + line + "\n" + json.dumps({**KEY, "attempt_idx": 2}) + "\n")
    with pytest.raises(InputError) as caught:
        read_eval_results(path, "run", 90, 10)
    assert str(caught.value).startswith(f"{path}:3: ")
    assert BAD_LINES[line] in str(caught.value)
    assert caught.value.remedy


def test_text_that_only_looks_like_bad_json_is_read(path: Path):
    write(path, {**KEY, "z": ["a, information", "[1, 2,]", {"y": "b:nan"}], "w": [float("nan")]})
    [row] = read_rows(path)
    assert json.dumps(json.loads(row["extra"])["z"]) == '["a, information", "[1, 2,]", {"y": "b:nan"}]'


@pytest.mark.parametrize(
    ("content", "words"), [(b"", "empty"), (b"\n", "empty"), (b'{"task_id": "\xff", "exploit_type": ""}', "UTF-8")]
)
def test_a_file_that_is_empty_or_no_text_is_named(path: Path, content: bytes, words: str):
    path.write_bytes(content)
    with pytest.raises(InputError, match=words) as caught:
        read_eval_results(path, "run", 90, 10)
    assert str(caught.value).startswith(str(path))


def test_no_file_is_an_error(path: Path):
    with pytest.raises(InputError, match="no such file"):
        read_eval_results(path, "run", 90, 10)
