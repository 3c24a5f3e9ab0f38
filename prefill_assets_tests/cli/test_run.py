"""`prefill run` as its user meets it: on real checkpoints, with real verdicts, into a real Dagster instance."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest
import yaml

from prefill_assets.checks.findings import CHECKED_TABLES
from prefill_assets.cli.main import main
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import find_table
from prefill_assets_tests.tiny_projects import EXPERIMENT, LEVELS, NUM_SAMPLES, STEPS, TASKS, write_config
from prefill_assets_tests.warehouse.clients import start_client


def ask(project: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(project / "data" / "prefill.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def written_at(project: Path) -> dict[tuple, str]:
    rows = ask(project, "SELECT table_name, checkpoint, prefill_level, written_at::VARCHAR FROM partitions")
    return {row[:3]: row[3] for row in rows}


def newest_record(project: Path) -> Path:
    return sorted((project / "data" / "results" / "full_analysis").iterdir())[-1]


def run_dir(project: Path) -> Path:
    return project / "data" / "results" / "prefill_sensitivity" / EXPERIMENT


def change_config(project: Path, **changed) -> set[str]:
    """Run again with a changed config; the tables that were computed."""
    before = written_at(project)
    write_config(run_dir(project), **changed)
    assert main(["run"]) == 0
    after = written_at(project)
    return {key[0] for key in after if after[key] != before.get(key)}


def test_every_table_has_its_rows(project):
    main(["sql", "SELECT 1"])
    counts = {
        "eval_samples": NUM_SAMPLES,
        "eval_results": NUM_SAMPLES,
        "prefill_logprobs": len(TASKS) * len(STEPS) * len(LEVELS),
        "trajectory": len(TASKS) * len(STEPS),
        "trajectory_analysis": len(TASKS) * len(STEPS),
        "trajectory_with_logprob": len(TASKS) * len(STEPS),
        "predictor_comparison": 6,
        "threshold_comparison": len(TASKS),
        "problems": len(TASKS),
        "prefill_traces": len(TASKS),
    }
    assert {table: ask(project, f"SELECT count(*) FROM {table}")[0][0] for table in counts} == counts
    assert ask(project, "SELECT count(*) FROM eval_results WHERE error IS NOT NULL OR exploit_success IS NULL") == [(0,)]


def test_a_run_leaves_a_true_record_with_tables_and_plots(project):
    record = newest_record(project)
    status = json.loads((record / "status.json").read_text())
    assert status["status"] == "success"
    assert {step["status"] for step in status["steps"]} == {"success"}
    config = yaml.safe_load((record / "config.yaml").read_text())
    assert config["settings"]["threshold"] == 3
    assert config["command"]
    assert (config["tables"], config["only_stored_samples"]) == (None, False), "it was a whole run"
    metadata = json.loads((record / "metadata.json").read_text())
    assert metadata["packages"]["dagster"]
    assert (metadata["checks"], metadata["doubts"]) == (len(CHECKED_TABLES), [])
    for path in ("trajectory/trajectory_analysis.csv", "integrated/trajectory_with_logprob.csv", "report.html"):
        assert (record / path).stat().st_size > 0
    for name in ("accessibility_distribution", "time_to_threshold"):
        assert (record / "trajectory" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in ("logprob_vs_token_accessibility", "token_vs_logprob_comparison", "threshold_comparison"):
        assert (record / "integrated" / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_run_again_it_computes_nothing(project, capsys):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    assert main(["run"]) == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert written_at(project) == before


def test_a_changed_threshold_computes_what_depends_on_it_and_no_more(project):
    main(["sql", "SELECT 1"])
    assert change_config(project, threshold=8) == {
        "trajectory_analysis",
        "trajectory_with_logprob",
        "predictor_comparison",
        "threshold_comparison",
    }


def test_a_client_that_holds_the_file_for_writing_holds_up_no_run(project, capsys):
    main(["sql", "SELECT 1"])
    client = start_client(project / "data" / "prefill.duckdb")
    try:
        write_config(run_dir(project), threshold=8)
        assert main(["run"]) == 0
        assert json.loads((newest_record(project) / "metadata.json").read_text())["checks"] == len(CHECKED_TABLES)
        assert main(["sql", "SELECT DISTINCT threshold FROM trajectory_analysis"]) == 0
    finally:
        client.communicate()


def test_a_missing_partition_is_computed_and_the_others_are_left(project):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    lost = (
        project
        / "data/warehouse/prefill_logprobs"
        / f"experiment={EXPERIMENT}"
        / "checkpoint=10"
        / "prefill_level=3"
        / "rows.parquet"
    )
    lost.unlink()
    assert main(["run"]) == 0
    after = written_at(project)
    assert {key for key in after if after[key] != before.get(key)} >= {("prefill_logprobs", 10, 3)}
    assert not {key for key in after if after[key] != before[key] and key[0] in ("eval_samples", "eval_results")}
    assert after.keys() == before.keys()


def test_dry_run_says_what_it_would_do_and_does_nothing(project, capsys):
    main(["sql", "SELECT 1"])
    before, records = written_at(project), len(list(newest_record(project).parent.iterdir()))
    assert main(["run", "--dry-run", "--threshold", "8"]) == 0
    out = capsys.readouterr().out
    assert "eval_samples              6 fresh" in out
    assert "trajectory_analysis       1 stale" in out
    assert written_at(project) == before
    assert len(list(newest_record(project).parent.iterdir())) == records


def test_only_cells_of_the_named_checkpoints_and_levels_are_computed(project, capsys):
    main(["sql", "SELECT 1"])
    assert main(["run", "--dry-run", "--max-tokens", "5", "--checkpoints", "10", "--levels", "0", "8"]) == 0

    out = capsys.readouterr().out
    assert "eval_samples              2 stale" in out
    assert "trajectory                1 stale" in out
    assert "report                    1 stale" in out


@pytest.mark.parametrize("argument", [["--checkpoints", "10", "11"], ["--levels", "11"]])
def test_a_cell_that_is_not_swept_is_one_error(project, capsys, argument):
    assert main(["run", *argument]) == 2
    assert f"error: {argument[0]} 11: not part of the experiment; it has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "stale"),
    [
        (["--num-attempts", "5"], "eval_samples              6 stale"),
        (["--temperature", "0"], "eval_samples              6 stale"),
        (["--use-reasoning-field"], "prefill_logprobs          6 stale"),
        (["--prefill-from", "other.jsonl"], "prefill_traces            1 stale"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_arguments_replace_keys_of_the_config(project, capsys, monkeypatch, arguments, stale):
    traces = (run_dir(project) / "traces.jsonl").read_text()
    (project / "other.jsonl").write_text(traces.replace("1", "7"))
    monkeypatch.chdir(project)  # where a path on the command line starts
    assert main(["run", "--dry-run", *arguments]) == 0
    assert stale in capsys.readouterr().out


def test_skip_logprob_computes_the_trajectory_alone(project):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    assert main(["run", "--skip-logprob", "--threshold", "8"]) == 0
    after = written_at(project)
    assert {key[0] for key in after if after[key] != before[key]} == {"trajectory_analysis"}
    assert not (newest_record(project) / "integrated").exists()


def test_the_closing_table_names_both_indicators_with_p(project, capsys):
    main(["run"])
    out = capsys.readouterr().out
    assert "min_prefill" in out
    assert "log P of that prefill" in out
    assert "both thresholds" in out


def test_scores_equal_a_float32_pass_over_the_stored_prompt(project):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    main(["sql", "SELECT 1"])
    rows = ask(
        project,
        """SELECT l.checkpoint, s.rendered_prompt, l.prefill_reasoning, l.prefill_logprob_sum, l.prefill_num_tokens
           FROM prefill_logprobs l JOIN eval_samples s USING (experiment, checkpoint, prefill_level, task_id, attempt_idx)
           WHERE l.prefill_level > 0""",
    )
    assert len(rows) == len(TASKS) * len(STEPS) * 2
    for step, prompt, prefill, total, num_tokens in rows:
        folder = run_dir(project) / "checkpoints" / f"checkpoint-{step}"
        tokenizer, model = (
            AutoTokenizer.from_pretrained(folder),
            AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        )
        begin = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        ids = torch.tensor([tokenizer(prompt + prefill, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            log_probs = model(ids).logits[0].log_softmax(-1)
        expected = sum(log_probs[i - 1, ids[0, i]].item() for i in range(begin, ids.shape[1]))
        assert num_tokens == ids.shape[1] - begin
        assert total == pytest.approx(expected, abs=1e-3)


def test_runs_are_seen_by_the_ui_with_a_materialization_for_every_partition(project):
    import dagster as dg

    from prefill_assets.locations import Locations
    from prefill_assets.runs.execution import open_instance

    instance = open_instance(Locations.find())
    assert all(run.status == dg.DagsterRunStatus.SUCCESS for run in instance.get_runs())
    for table in ("eval_samples", "eval_results", "prefill_logprobs"):
        assert len(instance.get_materialized_partitions(dg.AssetKey(table))) == len(STEPS) * len(LEVELS)
    event = instance.get_latest_materialization_event(dg.AssetKey("predictor_comparison"))
    assert "data:image/png;base64" in str(event.asset_materialization.metadata["token_vs_logprob_comparison"].value)


def test_a_deleted_checkpoint_keeps_what_was_made_with_it(project, capsys):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    shutil.rmtree(run_dir(project) / "checkpoints" / f"checkpoint-{STEPS[0]}")

    assert main(["run"]) == 0
    assert "nothing to compute" in capsys.readouterr().out
    assert written_at(project) == before
    changed = change_config(project, threshold=5)
    assert "trajectory_analysis" in changed
    assert ask(project, "SELECT DISTINCT checkpoint FROM trajectory_analysis ORDER BY 1") == [(step,) for step in STEPS]


def test_what_a_check_finds_is_said_and_recorded(project, capsys):
    main(["sql", "SELECT 1"])
    warehouse, key = Warehouse(project / "data/warehouse"), PartitionKey(EXPERIMENT, 10, 3)
    stored = warehouse.find_partition("eval_results", key)
    rows = warehouse.read_rows("eval_results", key, find_table("eval_results").column_names)
    warehouse.replace("eval_results", key, rows[1:], stored)
    assert main(["run"]) == 0

    said = capsys.readouterr()
    assert f"{len(CHECKED_TABLES) - 1} of {len(CHECKED_TABLES)} hold" in said.out
    assert "check cells_are_complete (ERROR, 2 found): checkpoint 10 prefill_level 3: " in said.err
    assert len(json.loads((newest_record(project) / "metadata.json").read_text())["doubts"]) == 1
