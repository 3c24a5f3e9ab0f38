"""A run whose process was killed is closed, whoever looks first; one that may be alive is not."""

import os
import subprocess
import sys

import dagster as dg
import pytest

from prefill_assets.assets.platform import Platform
from prefill_assets.assets.run_ends import close_killed_runs
from prefill_assets.cli.main import main
from prefill_assets.runs.dead_runs import PROCESS_TAG, close_dead_runs, make_process_tag
from prefill_assets.runs.processes import identify_process
from prefill_assets_tests.runs.dagster_runs import make_run
from prefill_assets_tests.tiny_projects import make_environment, make_project


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture(scope="module")
def dead_process() -> str:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        identity = identify_process(process.pid)
        process.kill()
    return identity


def add_run(instance, status: str, process: str | None, owner: str | None = None) -> str:
    """A run that this process of that run executes; without an owner, of this run."""
    run = instance.add_run(make_run(status, {}))
    if process is not None:
        instance.add_run_tags(run.run_id, {PROCESS_TAG: f"{owner or run.run_id} {process}"})
    return run.run_id


def list_statuses(instance, *run_ids: str) -> list[str]:
    return [instance.get_run_by_id(run_id).status.value for run_id in run_ids]


def test_the_sensor_closes_the_dead_and_leaves_the_living(instance, dead_process):
    dead, living = add_run(instance, "STARTED", dead_process), add_run(instance, "STARTED", identify_process())
    close_killed_runs(dg.build_sensor_context(instance=instance))
    assert list_statuses(instance, dead, living) == ["FAILURE", "STARTED"]
    assert close_killed_runs.default_status is dg.DefaultSensorStatus.RUNNING


@pytest.mark.parametrize("status", ["NOT_STARTED", "STARTING", "CANCELING"])
def test_a_run_may_be_killed_at_any_time(instance, dead_process, status):
    run_id = add_run(instance, status, dead_process)
    assert close_dead_runs(instance) == [run_id]


def test_a_run_that_is_started_again_is_not_judged_by_the_process_of_the_run_before(instance, dead_process):
    before = add_run(instance, "FAILURE", dead_process)
    again, unknown = add_run(instance, "STARTING", dead_process, owner=before), add_run(instance, "STARTED", None)
    assert close_dead_runs(instance) == []
    assert list_statuses(instance, again, unknown) == ["STARTING", "STARTED"]


def test_a_run_that_ends_during_the_look_is_not_closed(instance, dead_process, monkeypatch):
    run_id = add_run(instance, "STARTED", dead_process)
    before = instance.get_runs()
    instance.report_run_canceled(before[0])
    monkeypatch.setattr(instance, "get_runs", lambda filters: before)
    assert close_dead_runs(instance) == []
    assert list_statuses(instance, run_id) == ["CANCELED"]


def test_every_run_says_in_which_process_it_is(instance):
    @dg.op
    def look(platform: Platform) -> None:
        pass

    @dg.job(resource_defs={"platform": Platform()})
    def a_job():
        look()

    run_id = a_job.execute_in_process(instance=instance).run_id
    assert make_process_tag(run_id).items() <= instance.get_run_by_id(run_id).tags.items()


def test_the_ui_closes_them_before_dagster_starts(instance, tmp_path, monkeypatch, dead_process):
    for name, value in make_environment(make_project(tmp_path / "project")).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("prefill_assets.runs.execution.open_instance", lambda locations: instance)
    run_id, started = add_run(instance, "STARTED", dead_process), []
    monkeypatch.setattr(os, "execv", lambda program, command: started.extend(list_statuses(instance, run_id)))

    main(["ui"])
    assert started == ["FAILURE"]
