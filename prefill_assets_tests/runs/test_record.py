import json
import subprocess
import sys

import pytest
import yaml

from prefill_assets.runs.record import RunRecord, close_dead_records


@pytest.fixture
def record(tmp_path):
    return RunRecord(tmp_path / "full_analysis", {"experiment": "run", "settings": {"threshold": 10}}, tmp_path)


def read(record, name):
    return json.loads((record.path / name).read_text())


def test_a_record_is_running_until_it_is_finished(record):
    assert read(record, "status.json")["status"] == "running"
    record.add_step("trajectory", ["run checkpoint-1"], "success", 1.5, None, "run-id")
    record.finish("success")
    status = read(record, "status.json")
    assert status["status"] == "success"
    assert status["steps"][0]["seconds"] == 1.5
    assert status["finished_at"] is not None
    assert yaml.safe_load((record.path / "config.yaml").read_text())["settings"] == {"threshold": 10}


def test_a_failure_is_written_down(record):
    record.finish("failed", "no weights")
    assert read(record, "status.json")["error"] == "no weights"


def test_two_records_of_one_second_have_folders_of_their_own(tmp_path):
    assert len({RunRecord(tmp_path, {}, tmp_path).path for _ in range(3)}) == 3


def test_a_record_whose_process_is_gone_is_found_killed_and_others_are_left(record, tmp_path):
    process = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True)
    dead = RunRecord(tmp_path / "full_analysis", {}, tmp_path)
    dead.status["process"] = process.stdout.strip()
    dead.finish("running")
    done = RunRecord(tmp_path / "full_analysis", {}, tmp_path)
    done.finish("success")
    assert close_dead_records(tmp_path / "full_analysis") == [dead.path]
    assert read(dead, "status.json")["status"] == "killed"
    assert read(record, "status.json")["status"] == "running"
    assert read(done, "status.json")["status"] == "success"


def test_a_record_holds_no_secret_of_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("MY_API_KEY", "sk-secret")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    record = RunRecord(tmp_path, {}, tmp_path)
    metadata = read(record, "metadata.json")
    assert metadata["environment"]["OMP_NUM_THREADS"] == "3"
    assert "secret" not in json.dumps(metadata)
