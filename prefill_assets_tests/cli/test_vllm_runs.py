"""`prefill run` on real vLLM servers: whole checkpoints and adapters, a server of the run's own and one that is given."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from prefill_assets.cli.main import main
from prefill_assets_tests.cli.conftest import enter
from prefill_assets_tests.cli.test_interruption import wait_for_partitions
from prefill_assets_tests.cli.test_run import ask, newest_record
from prefill_assets_tests.live_processes import MARK, list_marked, wait_for_the_end
from prefill_assets_tests.tiny_projects import (
    ATTEMPTS,
    LEVELS,
    TASKS,
    make_environment,
    make_experiment,
    make_project,
    write_config,
)
from prefill_assets_tests.tiny_vllm import ENVIRONMENT, load_reference, make_vllm_settings, save_adapter, save_whole

CELL = len(TASKS) * ATTEMPTS


def describe_engine() -> dict[str, object]:
    """The engine's keys of a config.yaml, so that tests and runs ask for the same server."""
    settings = make_vllm_settings()
    return {name: getattr(settings, name) for name in ("engine", "vllm_command", "vllm_args", "vllm_start_seconds")}


@pytest.fixture
def vllm_project(tmp_path, monkeypatch):
    """An installation with an experiment whose checkpoints are still to be made; every process of it is marked."""
    project = make_project(tmp_path / "project")
    run_dir = make_experiment(project, **describe_engine())
    shutil.rmtree(run_dir / "checkpoints")
    enter(monkeypatch, project)
    for name, value in {**ENVIRONMENT, MARK: uuid4().hex}.items():
        monkeypatch.setenv(name, value)
    return project, run_dir


def read_metadata(project: Path) -> dict[str, object]:
    return json.loads((newest_record(project) / "metadata.json").read_text())


def assert_scores_are_right(project: Path, run_dir: Path) -> None:
    """Every stored sum against a float32 pass of `transformers` over the stored text."""
    import torch
    from transformers import AutoTokenizer

    rows = ask(
        project,
        """SELECT DISTINCT l.checkpoint, s.rendered_prompt, l.prefill_reasoning, l.prefill_logprob_sum, l.prefill_num_tokens
           FROM prefill_logprobs l JOIN eval_samples s USING (experiment, checkpoint, prefill_level, task_id, attempt_idx)
           WHERE l.prefill_level > 0""",
    )
    models = {step: load_reference(run_dir / "checkpoints" / f"checkpoint-{step}") for step in {row[0] for row in rows}}
    assert len(rows) == len(models) * len(TASKS) * 2
    for step, prompt, prefill, total, num_tokens in rows:
        tokenizer = AutoTokenizer.from_pretrained(run_dir / "checkpoints" / f"checkpoint-{step}")
        begin = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
        ids = torch.tensor([tokenizer(prompt + prefill, add_special_tokens=False)["input_ids"]])
        with torch.no_grad():
            log_probs = models[step](ids).logits[0].log_softmax(-1)
        assert num_tokens == ids.shape[1] - begin
        expected = sum(log_probs[i - 1, ids[0, i]].item() for i in range(begin, ids.shape[1]))
        assert total == pytest.approx(expected, abs=1e-3 * num_tokens)


def assert_nothing_is_missing(project: Path, num_checkpoints: int) -> None:
    main(["sql", "SELECT 1"])
    cells = num_checkpoints * len(LEVELS)
    for table in ("eval_samples", "eval_results"):
        assert ask(project, f"SELECT count(*), count(*) FILTER (error IS NOT NULL) FROM {table}") == [(cells * CELL, 0)]
    assert ask(project, "SELECT count(*) FROM prefill_logprobs WHERE error IS NULL") == [(cells * len(TASKS),)]


@pytest.mark.slow
def test_whole_checkpoints_are_loaded_once_each_into_one_server(vllm_project, capsys):
    """One of another shape starts another: `engines/vllm/test_faults.py`."""
    project, run_dir = vllm_project
    for step in (1, 10):
        save_whole(run_dir / "checkpoints" / f"checkpoint-{step}", seed=step)

    assert main(["run"]) == 0

    assert_nothing_is_missing(project, 2)
    assert_scores_are_right(project, run_dir)
    metadata = read_metadata(project)
    assert (metadata["engine_starts"], metadata["weight_loads"]) == (1, 2)
    assert ask(project, "SELECT DISTINCT engine FROM eval_samples") == [("vllm 0.32.0 float32 cpu",)]
    assert wait_for_the_end(os.environ[MARK]) == {}
    assert main(["run"]) == 0
    assert "nothing to compute" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_killed_with_its_server_leaves_no_process_and_goes_on_elsewhere(vllm_project, vllm_host, checkpoints, monkeypatch):
    project, run_dir = vllm_project
    for step in (1, 10):
        save_adapter(run_dir / "checkpoints" / f"checkpoint-{step}", checkpoints.base, seed=step)
    command = [sys.executable, "-m", "prefill_assets.cli.main", "run"]
    environment = {**make_environment(project), MARK: os.environ[MARK]}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_partitions(project, "eval_samples", 2, process, seconds=400)
    alive = list_marked(os.environ[MARK])

    process.send_signal(signal.SIGKILL)
    process.wait()

    assert any("EngineCore" in title for title in alive.values()), "there was no engine to leave behind"
    assert wait_for_the_end(os.environ[MARK]) == {}
    kept = {path: path.stat().st_mtime_ns for path in (project / "data/warehouse").glob("eval_samples/**/rows.parquet")}

    vllm_host.open(checkpoints.base)
    monkeypatch.setenv("VLLM_API_KEY", vllm_host.client._headers["Authorization"].removeprefix("Bearer "))
    assert main(["run", "--base-url", vllm_host.client.base_url]) == 0

    assert_nothing_is_missing(project, 2)
    assert_scores_are_right(project, run_dir)
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in kept.items())
    metadata = read_metadata(project)
    assert metadata["engine_starts"] == 0
    assert 1 <= metadata["weight_loads"] <= 2
    assert_the_key_stands_nowhere(project, os.environ["VLLM_API_KEY"])


@pytest.mark.slow
def test_a_whole_checkpoint_is_evaluated_on_a_server_that_is_given(vllm_project, vllm_host, checkpoints, monkeypatch):
    project, run_dir = vllm_project
    vllm_host.open(checkpoints.base)
    monkeypatch.setenv("VLLM_API_KEY", vllm_host.client._headers["Authorization"].removeprefix("Bearer "))
    (run_dir / "checkpoints").mkdir()
    (run_dir / "checkpoints" / "checkpoint-1").symlink_to(checkpoints.base)
    write_config(run_dir, engine="vllm", vllm_base_url=vllm_host.client.base_url)

    assert main(["run"]) == 0

    assert_nothing_is_missing(project, 1)
    assert_scores_are_right(project, run_dir)
    assert read_metadata(project)["engine_starts"] == 0
    assert_the_key_stands_nowhere(project, os.environ["VLLM_API_KEY"])


def test_a_run_without_vllm_says_how_to_come_by_it(empty_project, capsys):
    make_experiment(empty_project, engine="vllm", vllm_command="no-such-vllm serve")

    assert main(["run", "--skip-logprob"]) == 1
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert any("no command 'no-such-vllm'" in line and "pip install vllm" in line for line in complaints)
    main(["sql", "SELECT 1"])
    assert ask(empty_project, "SELECT count(*) FROM eval_samples") == [(0,)]


def assert_the_key_stands_nowhere(project: Path, key: str) -> None:
    assert len(key) > 30
    files = [path for path in (project / "data").rglob("*") if path.is_file()]
    assert len(files) > 20
    assert not [path for path in files if key.encode() in path.read_bytes()]
