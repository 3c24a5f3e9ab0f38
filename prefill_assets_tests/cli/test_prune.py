"""`prefill prune` as its user meets it: in a script, and at a terminal."""

import os
import pty
import shutil
import subprocess
import sys

import pytest

from prefill_assets.assets.partitions import write_checkpoint_key
from prefill_assets.cli.main import main
from prefill_assets.locations import Locations
from prefill_assets.runs.execution import open_instance
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.retention.installations import ONE, OTHER, list_files, make_installation
from prefill_assets_tests.runs.dagster_runs import make_run
from prefill_assets_tests.tiny_projects import make_environment
from prefill_assets_tests.warehouse.rows import make_result

KEY = PartitionKey(ONE, 1, 10)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_installation(tmp_path_factory.mktemp("made")).data


@pytest.fixture
def project(made, empty_project):
    shutil.copytree(made, empty_project / "data", dirs_exist_ok=True)
    return empty_project


def test_it_says_what_goes_and_refuses_where_nobody_can_confirm(project, capsys):
    before = list_files(project / "data")
    assert main(["prune", ONE]) == 2
    said = capsys.readouterr()
    assert "goes for good: run-one" in said.out
    row = next(line for line in said.out.splitlines() if " eval_results" in line and "superseded" not in line)
    assert [cell.strip() for cell in row.split("│")[2:4]] == ["2", "6"]
    assert "stays: run folder" in said.out
    assert "add --yes" in said.err
    assert list_files(project / "data") == before


def test_yes_does_it_once_and_finds_nothing_the_second_time(project, capsys):
    assert main(["prune", ONE, "--yes"]) == 0
    assert not [file for file in list_files(project / "data") if ONE in file and "prefill_sensitivity" not in file]
    capsys.readouterr()
    assert main(["prune", ONE, "--yes"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "code"), [("n", 1), ("", 1), ("y", 0)])
def test_at_a_terminal_it_asks(project, answer, code):
    before = list_files(project / "data")
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "prefill_assets.cli.main", "prune", "--superseded"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, env=make_environment(project), timeout=60)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == code, done.stderr
    assert "remove it? [y/N]" in done.stdout
    assert (list_files(project / "data") == before) == (code == 1)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "nothing is named to be removed; name an experiment, or add --superseded"),
        (["nobody", "--yes"], f"no experiment 'nobody'; known are: {ONE}, {OTHER}"),
        ([ONE, "--older-than", "3"], "--older-than is about superseded versions; add --superseded"),
        (["--superseded", "--with-files"], "--with-files goes with a whole experiment"),
    ],
)
def test_what_makes_no_sense_is_refused(project, capsys, arguments, complaint):
    before = list_files(project / "data")
    assert main(["prune", *arguments]) == 2
    assert complaint in capsys.readouterr().err
    assert list_files(project / "data") == before


def test_dagster_forgets_its_checkpoints_and_those_alone(project):
    instance = open_instance(Locations.find())
    keys = [write_checkpoint_key(name, 90) for name in (ONE, OTHER)]
    instance.add_dynamic_partitions("checkpoints", keys)

    assert main(["prune", ONE, "--yes"]) == 0
    assert open_instance(Locations.find()).get_dynamic_partitions("checkpoints") == keys[1:]


@pytest.mark.parametrize(("named", "is_refused"), [(ONE, True), (OTHER, False)])
@pytest.mark.parametrize("options", [[], ["--superseded"]])
def test_what_a_run_in_the_queue_is_to_write_is_not_removed(project, capsys, named, is_refused, options):
    before = list_files(project / "data/warehouse")
    tags = {"dagster/partition": f"{named}/checkpoint-000001|prefill-0000"}
    run = make_run("QUEUED", tags)
    open_instance(Locations.find()).add_run(run)

    assert main(["prune", ONE, *options, "--yes"]) == (2 if is_refused else 0)
    assert (f"run {run.run_id} works on {ONE}, or is about to" in capsys.readouterr().err) == is_refused
    assert (list_files(project / "data/warehouse") == before) == is_refused


@pytest.mark.parametrize("options", [[], ["--superseded"]])
def test_what_changes_during_the_question_is_not_removed(project, capsys, monkeypatch, options):
    warehouse = Warehouse(Locations.find().warehouse)

    def make_another_version() -> bool:
        rows = [make_result("a", key=KEY, exploit_success=False)]
        warehouse.replace("eval_results", KEY, rows, Stamp("in", "1", "r"))
        return True

    monkeypatch.setattr("prefill_assets.cli.prune._ask", make_another_version)
    before = list_files(project / "data/warehouse")
    assert main(["prune", ONE, *options]) == 2
    assert f"what is kept of {ONE} changed since it was listed; nothing was removed" in capsys.readouterr().err
    assert set(before) < set(list_files(project / "data/warehouse"))
