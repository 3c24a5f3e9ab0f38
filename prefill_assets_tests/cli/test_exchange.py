"""An existing run through the whole platform: imported without a model, analysed by the original's rules, and out again."""

import csv
import json
import math
from pathlib import Path

import pytest
import yaml

from prefill_assets.cli.main import main
from prefill_assets_tests.cli.test_run import ask
from prefill_assets_tests.examples.odd_run import write_odd_run
from prefill_assets_tests.examples.write_runs import RUNS, write_run

EXPECTED = Path(__file__).parents[1] / "examples" / "expected"


def write_simulated_run(folder: Path, name: str) -> Path:
    """One of the simulated runs, with a config.yaml, and without the stray that has a samples file's name but no samples."""
    write_run(RUNS[name], folder, seed=list(RUNS).index(name))
    run_dir = next((folder / "results" / "prefill_sensitivity").iterdir())
    (run_dir / "evals" / "checkpoint-9_prefill10.jsonl.samples.jsonl").unlink()
    (run_dir / "config.yaml").write_text(yaml.safe_dump({"checkpoint_dir": "results/gone", "checkpoints": None}))
    return run_dir


def read_csv(path: Path) -> dict[tuple, dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return {(row["task_id"], row["exploit_type"], row["checkpoint"]): row for row in csv.DictReader(file)}


def assert_same_cells(expected: dict, ours: dict) -> None:
    assert ours.keys() == expected.keys()
    for key, row in expected.items():
        for column, text in row.items():
            if column in ("task_id", "exploit_type") or text in ("True", "False", ""):
                assert ours[key][column] == text, (key, column)
            else:
                assert math.isclose(float(ours[key][column]), float(text), rel_tol=1e-8, abs_tol=1e-8), (key, column)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gaps", "bad_sums"])
def test_an_imported_run_gives_the_originals_tables_under_its_rules(empty_project, tmp_path, name):
    run_dir = write_simulated_run(tmp_path / name, name)
    assert main(["import", str(run_dir)]) == 0
    assert main(["run", "--reference-rules"]) == 0
    (record,) = [path for path in (empty_project / "data/results/full_analysis").iterdir() if (path / "integrated").exists()]
    for file, part in (("trajectory_analysis.csv", "trajectory"), ("trajectory_with_logprob.csv", "integrated")):
        assert_same_cells(read_csv(EXPECTED / name / "default" / file), read_csv(record / part / file))


@pytest.mark.slow
def test_a_run_goes_out_as_it_came_in(empty_project, tmp_path):
    run_dir = write_odd_run(tmp_path / "results")
    assert main(["import", str(run_dir)]) == 0
    assert main(["export", "--output-dir", str(tmp_path / "out")]) == 0
    out = tmp_path / "out" / "results" / "prefill_sensitivity" / run_dir.name
    came = sorted(path for path in (run_dir / "evals").glob("checkpoint-[0-9]*.jsonl"))
    assert came
    for path in came:
        assert repr(read_records(out / "evals" / path.name)) == repr(read_records(path))
    assert (out / "config.yaml").read_text() == (run_dir / "config.yaml").read_text()


@pytest.mark.slow
def test_a_generated_run_goes_out_and_comes_back(project, tmp_path):
    assert main(["export", "--output-dir", str(tmp_path / "out")]) == 0
    before = {table: read_table(project, table) for table in ("eval_samples", "eval_results", "prefill_logprobs")}
    for plot in ("trajectory_analysis/time_to_threshold", "trajectory_analysis_with_logprob_complete/threshold_comparison"):
        assert (tmp_path / "out" / "results" / f"{plot}.png").read_bytes().startswith(b"\x89PNG")
    (run_dir,) = (tmp_path / "out" / "results" / "prefill_sensitivity").iterdir()
    moved = run_dir.rename(run_dir.with_name("prefill_sensitivity-20270101-000000-back"))
    folders = sorted(str(path) for path in (tmp_path / "out" / "results" / "logprob_analysis").iterdir())
    assert main(["import", str(moved), "--logprob-dirs", *folders]) == 0
    for table, rows in before.items():
        assert read_table(project, table, moved.name) == rows


def test_a_foreign_folder_is_not_overwritten(project, tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    assert main(["export", "--output-dir", str(tmp_path / "mine")]) == 2
    assert (tmp_path / "mine" / "notes.txt").read_text() == "keep"


def read_records(path: Path) -> list[dict]:
    """Records with their keys in one order; as text, NaN equals itself."""
    return [dict(sorted(json.loads(line).items())) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def read_table(project: Path, table: str, experiment: str = "prefill_sensitivity-20260101-000000-tiny") -> list[tuple]:
    main(["sql", "SELECT 1"])
    return ask(project, f"SELECT * EXCLUDE (experiment, extra) FROM {table} WHERE experiment = '{experiment}' ORDER BY ALL")
