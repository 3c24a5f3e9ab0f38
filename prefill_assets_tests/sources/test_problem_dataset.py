import importlib.util
import json
import re
import sys
from pathlib import Path

import duckdb
import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.problem_dataset import read_test_texts
from prefill_assets.sources.problem_pack import is_path, load_problems
from prefill_assets_tests.tiny_problems import make_problem


def write_parquet(path: Path, records: list[dict]) -> Path:
    """As djinn exports its data set: tests as JSON text, columns for every field, NULL where a problem has none."""
    lines = path.with_suffix(".rows")
    lines.write_text("".join(json.dumps(record) + "\n" for record in records))
    duckdb.sql(f"COPY (SELECT * FROM read_json('{lines}', format = 'newline_delimited')) TO '{path}' (FORMAT parquet)")
    return path


def export(task_id: str, **changes) -> dict:
    record = make_problem(task_id).as_record()
    for name in ("test_cases", "insecure_test_cases"):
        record[name] = json.dumps(record[name])
    return {**record, "gt_model_results": None, "vuln_cheatiness": 2.5, **changes}


def test_a_parquet_export_is_read_by_row(tmp_path):
    tests = json.dumps([[[1, [2]], True], [None, "\U0001f600"]])
    path = write_parquet(tmp_path / "own[1].parquet", [export("sum_001", test_cases=tests), export("sum_002")])
    first, second = load_problems(path.name, tmp_path)
    assert first.test_cases == [([1, [2]], True), (None, "\U0001f600")]
    assert second.as_record() == make_problem("sum_002").as_record()


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"insecure_test_cases": None}, "insecure_test_cases missing"),
        ({"test_cases": "[]"}, "test_cases is empty"),
        ({"test_cases": "[(1, true)]"}, "not a Python literal"),
        ({"tests": "[]"}, "unknown field tests"),
    ],
)
def test_a_bad_row_is_named(tmp_path, changes, what):
    path = write_parquet(tmp_path / "p.parquet", [export("sum_001"), export("sum_002", **changes)])
    with pytest.raises(InputError, match=what) as caught:
        load_problems(path.name, tmp_path)
    assert str(caught.value).startswith(f"{path}:2: problem 'sum_002': ")
    assert caught.value.remedy


def test_a_file_that_is_no_parquet_is_named(tmp_path):
    (tmp_path / "p.parquet").write_text("id,description\n")
    with pytest.raises(InputError, match=r"p\.parquet: is not a readable Parquet file"):
        load_problems("p.parquet", tmp_path)


def test_a_python_literal_stays_what_it_is():
    assert read_test_texts({"test_cases": "[((1, 2), None)]"}) == {"test_cases": "[((1, 2), None)]"}


def test_a_source_on_the_hub_is_no_path():
    assert [is_path(source) for source in ("pack", "hub:EleutherAI/problems@eval", "problems.yaml")] == [False, False, True]


def test_without_datasets_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match="pip install datasets") as caught:
        load_problems("hub:nobody/nothing", Path("/nowhere"))
    assert str(caught.value).startswith("hub:nobody/nothing: ")


has_datasets = pytest.mark.skipif(importlib.util.find_spec("datasets") is None, reason="the package datasets is not installed")


@has_datasets
def test_saved_data_sets_are_read_like_those_of_the_hub(tmp_path):
    import datasets  # pyright: ignore[reportMissingImports]

    rows = {name: datasets.Dataset.from_list([export(f"{name}_001")]) for name in ("train", "eval")}
    datasets.DatasetDict(rows).save_to_disk(tmp_path / "both")
    rows["train"].save_to_disk(tmp_path / "one")
    (tmp_path / "files").mkdir()
    rows["train"].to_parquet(tmp_path / "files" / "train.parquet")
    assert [p.id for p in load_problems(f"hub:{tmp_path}/both@eval", tmp_path)] == ["eval_001"]
    for folder in ("one", "files"):
        assert load_problems(f"hub:{tmp_path}/{folder}", tmp_path)[0].test_cases == make_problem("").test_cases
    for source, what in ((f"hub:{tmp_path}/both", "has several splits"), (f"hub:{tmp_path}/both@test", "has no split 'test'")):
        with pytest.raises(InputError, match=re.escape(what)):
            load_problems(source, tmp_path)
