from __future__ import annotations

import os
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.locations import Locations
from prefill_assets.sources.experiment_registry import ExperimentRegistry


@pytest.fixture
def registry(tmp_path) -> ExperimentRegistry:
    return ExperimentRegistry(Locations(tmp_path / "project", tmp_path / "project" / "data"))


def write_run(folder: Path, config: str = "checkpoints: 1\n", written_at: float | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    if written_at is not None:
        os.utime(folder / "config.yaml", (written_at, written_at))
    return folder


def write_result_run(registry: ExperimentRegistry, name: str, **more) -> Path:
    return write_run(registry.locations.results / "prefill_sensitivity" / name, **more)


def test_experiments_under_results_are_found_by_themselves(registry):
    run_dir = write_result_run(registry, "run-20251216-012007")
    (registry.locations.results / "prefill_sensitivity" / "no-config").mkdir()

    assert registry.list_run_dirs() == {"run-20251216-012007": run_dir}
    assert registry.load("run-20251216-012007").run_dir == run_dir


def test_the_most_recent_by_the_time_in_its_name_is_the_default_whatever_was_written_last(registry):
    for name in ("b-20251216-012007-47bf405", "a-20260101-000000", "c-20251215-235959"):
        write_result_run(registry, name)

    assert list(registry.list_run_dirs()) == ["c-20251215-235959", "b-20251216-012007-47bf405", "a-20260101-000000"]
    assert registry.find(None).name == "a-20260101-000000"


def test_a_name_without_a_time_counts_by_when_its_config_was_written(registry):
    write_result_run(registry, "run-20251216-012007")
    write_result_run(registry, "older", written_at=1_700_000_000)
    assert registry.find(None).name == "run-20251216-012007"

    write_result_run(registry, "newer", written_at=1_900_000_000)
    assert registry.find(None).name == "newer"


def test_without_any_experiment_the_error_says_how_to_get_one(registry):
    with pytest.raises(InputError, match=r"there is no experiment yet; run `make demo`"):
        registry.find(None)


def test_a_folder_from_elsewhere_is_registered_when_it_is_named_and_then_known_by_name(registry, tmp_path):
    run_dir = write_run(tmp_path / "elsewhere" / "run-20260101-000000", "threshold: 20\n")
    write_result_run(registry, "run-20251216-012007")

    assert registry.find(str(run_dir)).run_dir == run_dir

    again = ExperimentRegistry(registry.locations)
    assert again.load("run-20260101-000000").settings.threshold == 20
    assert again.find(None).name == "run-20260101-000000"


def test_a_folder_under_results_may_be_named_by_its_path_and_is_not_registered_twice(registry, monkeypatch):
    run_dir = write_result_run(registry, "run-1")
    monkeypatch.chdir(run_dir.parent)

    assert registry.find("./run-1").name == "run-1"
    assert not registry.locations.registered_experiments.exists()


def test_registered_settings_stand_behind_overrides_and_before_the_config(registry, tmp_path):
    run_dir = write_run(tmp_path / "elsewhere" / "imported", "threshold: 20\nseed: 1\n")

    registry.register(run_dir, {"threshold": 30, "logprob_dirs": ["a", "b"]})

    settings = registry.load("imported", {"seed": 9}).settings
    assert (settings.threshold, settings.seed, settings.logprob_dirs) == (30, 9, ("a", "b"))


def test_a_name_that_another_folder_has_is_refused_and_nothing_is_registered(registry, tmp_path):
    mine = write_result_run(registry, "run-1")
    other = write_run(tmp_path / "elsewhere" / "run-1")

    for attempt in (lambda: registry.register(other), lambda: registry.find(str(other))):
        with pytest.raises(InputError, match=r"an experiment 'run-1' exists already, at .*; rename one of the folders"):
            attempt()
    assert registry.list_run_dirs() == {"run-1": mine}


def test_two_folders_of_one_name_are_refused_once_they_both_exist(registry, tmp_path):
    registry.register(write_run(tmp_path / "elsewhere" / "run-1"))
    write_result_run(registry, "run-1")

    with pytest.raises(InputError, match=r"two folders are named 'run-1': .*; rename or remove one"):
        registry.list_run_dirs()


def test_a_registered_folder_that_moved_into_results_or_elsewhere_is_found_at_its_new_place(registry, tmp_path):
    old = write_run(tmp_path / "elsewhere" / "run-1")
    registry.register(old)
    new = tmp_path / "moved" / "run-1"
    new.parent.mkdir()
    old.rename(new)

    assert registry.find(str(new)).run_dir == new

    under_results = registry.locations.results / "prefill_sensitivity" / "run-1"
    under_results.parent.mkdir(parents=True)
    new.rename(under_results)
    assert registry.load("run-1").run_dir == under_results


def test_the_default_is_never_a_folder_that_is_gone(registry, tmp_path):
    write_result_run(registry, "run-20251216-012007")
    gone = write_run(tmp_path / "elsewhere" / "run-20260101-000000")
    registry.register(gone)
    (gone / "config.yaml").unlink()
    gone.rmdir()

    assert registry.find(None).name == "run-20251216-012007"
    with pytest.raises(InputError, match="no such run folder"):
        registry.load("run-20260101-000000")


def test_an_unknown_name_lists_the_known_ones(registry):
    write_result_run(registry, "run-1")
    write_result_run(registry, "run-2")

    with pytest.raises(InputError, match=r"no experiment 'run-3'; known are: .*run-1.*; register another"):
        registry.load("run-3")
    with pytest.raises(InputError, match="no such run folder"):
        registry.find("run-3")
