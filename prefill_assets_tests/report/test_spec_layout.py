import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.analysis.rules import Rules
from prefill_assets.errors import InputError
from prefill_assets.report import spec_layout
from prefill_assets.report.spec_layout import MARKER, export_experiment
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.examples.odd_run import CONFIG, NAME, write_odd_run
from prefill_assets_tests.report.imported import Tables, open_tables

IMPORTED = ("eval_results", "eval_samples", "prefill_logprobs")
RULES = Rules.from_settings(Settings(), (0, 10, 30))


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("odd_run") / "results"
    write_odd_run(results)
    return results


@pytest.fixture(scope="module")
def tables(results: Path) -> Iterator[Tables]:
    with open_tables() as tables:
        tables.import_run(results / "prefill_sensitivity" / NAME)
        yield tables


def export(tables: Tables, folder: Path, **options: Any) -> Path:
    return export_experiment(tables.connection, NAME, CONFIG, folder, RULES, **options)


def list_files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def read_lines(path: Path) -> list[str]:
    """Each record with its fields in one order, so that NaN and 1 against 1.0 are compared too."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.dumps(json.loads(line), sort_keys=True) for line in lines if line]


def test_every_record_goes_back_out_as_it_was_and_in_its_place(results: Path, tables: Tables, tmp_path: Path):
    out = export(tables, tmp_path / "out")
    originals = [p for p in results.rglob("checkpoint-*.jsonl") if p.name != "checkpoint-last_prefill10.jsonl"]
    assert len(originals) == 8 + 7 + 5
    for original in originals:
        assert read_lines(out / "results" / original.relative_to(results)) == read_lines(original)
    exported = {name for name in list_files(out / "results") if name.endswith(".jsonl")}
    assert exported == {str(path.relative_to(results)) for path in originals}


def test_import_of_an_export_gives_equal_tables(tables: Tables, tmp_path: Path):
    out = export(tables, tmp_path / "out")
    with open_tables() as again:
        again.import_run(out / "results" / "prefill_sensitivity" / NAME)
        for table in IMPORTED:
            assert again.list_rows(table) == tables.list_rows(table)
            assert len(again.list_rows(table)) > 60


def test_the_config_goes_out_as_it_is(tables: Tables, tmp_path: Path):
    out = export(tables, tmp_path / "out")
    assert (out / "results" / "prefill_sensitivity" / NAME / "config.yaml").read_text(encoding="utf-8") == CONFIG


def test_logprob_folders_say_what_they_are(tables: Tables, tmp_path: Path):
    folder = export(tables, tmp_path / "out") / "results" / "logprob_analysis" / "logprob-20260203-040506-prefill10"
    info = json.loads((folder / "run_info.json").read_text())
    assert info["prefill_run_dir"] == f"results/prefill_sensitivity/{NAME}"
    assert info["sft_run_dir"] == "results/sft_checkpoints/sft_tiny-20260101"
    assert (info["checkpoints"], info["prefill_levels"]) == ([1, 10, 90], [10])
    log = json.loads((folder / "processing_log.json").read_text())
    assert [(entry["checkpoint"], entry["prefill"], entry["status"]) for entry in log] == [
        (c, 10, "success") for c in (1, 10, 90)
    ]
    assert (log[0]["num_records"], log[0]["num_errors"]) == (14, 1 + 3 + 3)  # an error row, sums of -Infinity, sums of NaN


def test_a_cell_in_which_nothing_could_be_scored_has_failed(tmp_path: Path):
    with open_tables() as tables:
        tables.connection.execute(
            "INSERT INTO prefill_logprobs (experiment, checkpoint, prefill_level, task_id, exploit_type, attempt_idx, error) "
            "VALUES ('plain', 1, 10, 't', 'x', 0, 'out of memory')"
        ).fetchall()
        out = export_experiment(tables.connection, "plain", "", tmp_path / "out", RULES)
    folder = out / "results" / "logprob_analysis" / "logprob-plain-prefill10"
    [entry] = json.loads((folder / "processing_log.json").read_text())
    assert (entry["status"], entry["num_records"], entry["num_errors"]) == ("failed", 1, 1)
    assert json.loads((folder / "run_info.json").read_text())["sft_run_dir"] is None


def test_analyses_go_out_under_the_layout_s_names(tables: Tables, tmp_path: Path):
    for task_id in ("NA", "", "a,b"):
        tables.connection.execute(
            "INSERT INTO threshold_comparison (experiment, task_id, exploit_type, reached, token_threshold_checkpoint) "
            f"VALUES ('{NAME}', '{task_id}', 'x', 'token_only', 10), ('another run', '{task_id}', 'x', 'both', 1)"
        ).fetchall()
        tables.connection.execute(
            "INSERT INTO trajectory_analysis (experiment, checkpoint, task_id, exploit_type, exploitable, threshold) "
            f"VALUES ('{NAME}', 10, '{task_id}', 'x', false, 10)"
        ).fetchall()
    results = export(tables, tmp_path / "out") / "results"
    integrated = results / "trajectory_analysis_with_logprob_complete"
    with (integrated / "threshold_comparison.csv").open(newline="") as file:
        compared = list(csv.DictReader(file))
    assert [(row["task_id"], row["token_threshold_checkpoint"], row["first_reached"]) for row in compared] == [
        ("", "10", ""),
        ("NA", "10", ""),
        ("a,b", "10", ""),
    ]
    with (results / "trajectory_analysis" / "trajectory_analysis.csv").open(newline="") as file:
        assert [(row["task_id"], row["min_prefill"]) for row in csv.DictReader(file)] == [
            ("", "101"),
            ("NA", "101"),
            ("a,b", "101"),
        ]
    assert {"trajectory_with_logprob.csv", "predictor_comparison.csv"} <= list_files(integrated)


def test_an_export_replaces_an_export_of_the_same_experiment(tables: Tables, tmp_path: Path):
    out = export(tables, tmp_path / "out")
    (out / "results" / "left over").write_text("")
    assert export(tables, out) == out
    assert "results/left over" not in list_files(out)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(("out", ".out"))] == ["out"]


def test_an_empty_folder_is_filled(tables: Tables, tmp_path: Path):
    (tmp_path / "out").mkdir()
    assert MARKER in list_files(export(tables, tmp_path / "out"))


@pytest.mark.parametrize("marker", [None, "torn {", '{"experiment": "another run"}'])
def test_a_folder_that_is_no_export_of_the_experiment_is_left_alone(tables: Tables, tmp_path: Path, marker: str | None):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("dear reader")
    if marker:
        (out / MARKER).write_text(marker)
    before = list_files(tmp_path)
    with pytest.raises(InputError, match=r"out: it is (no folder of an export|an export of another run); .*--force"):
        export(tables, out)
    assert list_files(tmp_path) == before


def test_force_keeps_what_was_there_beside_it(tables: Tables, tmp_path: Path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("dear reader")
    export(tables, out, force=True)
    [kept] = tmp_path.glob("out.before-*")
    assert (kept / "thesis.tex").read_text() == "dear reader"
    assert "thesis.tex" not in list_files(out)


def test_a_failure_leaves_the_earlier_export_whole(tables: Tables, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    out = export(tables, tmp_path / "out")
    before = {name: (out / name).read_bytes() for name in list_files(out)}

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(spec_layout, "_write_json", fail)
    with pytest.raises(OSError, match="disk is full"):
        export(tables, out)
    assert {name: (out / name).read_bytes() for name in list_files(out)} == before
    assert [path.name for path in tmp_path.iterdir() if "out" in path.name] == ["out"]


def test_an_experiment_without_rows_is_an_error(tables: Tables, tmp_path: Path):
    with pytest.raises(InputError, match="unheard-of has nothing to export"):
        export_experiment(tables.connection, "unheard-of", "", tmp_path / "out", RULES)
    assert not (tmp_path / "out").exists()
