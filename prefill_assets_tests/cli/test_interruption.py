"""A run that is killed, interrupted, or not alone: no row lost, none doubled."""

import json
import signal
import time
from contextlib import suppress

import pytest
from dagster._utils.interrupts import capture_interrupts

from prefill_assets.cli.main import main
from prefill_assets.runs import execution
from prefill_assets.runs.execution import execute_step
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.cli.test_run import ask
from prefill_assets_tests.tiny_projects import NUM_SAMPLES, make_environment, make_experiment


def wait_for_partitions(project, table, count, process, seconds=120):
    folder = project / "data" / "warehouse" / table
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(list(folder.glob("experiment=prefill*/**/rows.parquet"))) >= count:
            return
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)
    raise AssertionError("no partition appeared")


def read_statuses(project):
    records = sorted((project / "data/results/full_analysis").iterdir())
    return [json.loads((record / "status.json").read_text())["status"] for record in records]


def assert_whole(project):
    main(["sql", "SELECT 1"])
    for table in ("eval_samples", "eval_results"):
        keys = "checkpoint, prefill_level, task_id, attempt_idx"
        assert ask(project, f"SELECT count(*), count(DISTINCT ({keys})) FROM {table}") == [(NUM_SAMPLES, NUM_SAMPLES)]


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(empty_project, forks):
    make_experiment(empty_project)
    process = forks.run_command(make_environment(empty_project), "run")
    wait_for_partitions(empty_project, "eval_samples", 2, process)
    process.kill()
    process.wait()
    assert read_statuses(empty_project) == ["running"]
    kept = {
        path: path.stat().st_mtime_ns
        for path in (empty_project / "data/warehouse").glob("eval_samples/experiment=prefill*/**/rows.parquet")
    }
    assert main(["run"]) == 0
    assert_whole(empty_project)
    assert read_statuses(empty_project) == ["killed", "success"]
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in kept.items())
    assert not list((empty_project / "data/warehouse").rglob("*.draft"))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_run_says_so_and_can_go_on(empty_project, forks, number):
    make_experiment(empty_project)
    process = forks.run_command(make_environment(empty_project), "run", "--skip-logprob")
    wait_for_partitions(empty_project, "eval_samples", 1, process)
    process.send_signal(number)
    _, complaint = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in complaint
    assert "Traceback" not in complaint
    assert read_statuses(empty_project) == ["interrupted"]
    assert main(["run", "--skip-logprob"]) == 0
    assert_whole(empty_project)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupt_that_somebody_swallows_ends_the_run_after_that_partition(empty_project, monkeypatch, number):
    """As Dagster does between its steps, and Python in destructors."""
    make_experiment(empty_project)
    made, replace = [], Warehouse.replace

    def swallow_a_signal(self, table, key, *others):
        made.append((table, key.prefill_level))
        with suppress(BaseException):
            if table == "eval_samples":
                signal.raise_signal(number)
        return replace(self, table, key, *others)

    monkeypatch.setattr(Warehouse, "replace", swallow_a_signal)
    assert main(["run", "--skip-logprob"]) == 130
    assert made == [("problems", None), ("prefill_traces", None), ("eval_samples", 0)]
    assert read_statuses(empty_project) == ["interrupted"]


def test_so_does_one_that_dagster_forgets(empty_project, monkeypatch):
    make_experiment(empty_project)

    def execute(instance, step, *others):
        run_id = execute_step(instance, step, *others)
        with capture_interrupts():  # as around each of its runs
            signal.raise_signal(signal.SIGTERM)
        return run_id

    monkeypatch.setattr(execution, "execute_step", execute)
    assert main(["run", "--skip-logprob"]) == 130
    assert read_statuses(empty_project) == ["interrupted"]
    assert not list((empty_project / "data/warehouse").glob("eval_samples/experiment=*/**/rows.parquet"))


def test_a_run_in_a_scripts_background_still_heeds_an_end_after_a_step(empty_project):
    """Such a process ignores SIGINT from its start, and after each run Dagster handles SIGTERM as it does SIGINT."""
    make_experiment(empty_project)
    handled = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert main(["run", "--skip-logprob"]) == 0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in handled.items():
            signal.signal(number, handler)


@pytest.mark.slow
def test_two_runs_at_once_take_turns(empty_project, forks):
    make_experiment(empty_project)
    processes = [forks.run_command(make_environment(empty_project), "run", "--skip-logprob") for _ in range(2)]
    outcomes = [process.communicate(timeout=180) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outcomes
    assert_whole(empty_project)
    assert sum("nothing to compute" in out for out, _ in outcomes) == 1
