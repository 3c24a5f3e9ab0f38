from __future__ import annotations

import json
import time

import pytest
import yaml

from prefill_assets.errors import InputError
from prefill_assets.retention.inventory import list_experiment, list_experiments, list_superseded
from prefill_assets.sources.experiment_registry import ExperimentRegistry

from .installations import ONE, OTHER, make_run_dir


def describe(inventory) -> dict[str, tuple]:
    return {holding.what: (holding.num_partitions, holding.num_rows) for holding in inventory.holdings}


def test_an_experiment_is_listed_with_all_that_is_kept_of_it(locations):
    inventory = list_experiment(locations, ONE)
    assert describe(inventory) == {
        "report": (None, None),
        "exports": (None, None),
        "analyses": (None, None),
        "trajectory": (1, 0),
        "eval_results": (2, 6),
        "superseded eval_results": (1, 3),
        "run records": (None, None),
    }
    assert all(holding.num_bytes > 0 for holding in inventory.holdings)
    run_dir = locations.results / "prefill_sensitivity" / ONE
    assert inventory.left == (f"run folder {run_dir}: kept; --with-files removes it",)


def test_files_under_data_are_listed_on_request(locations):
    inventory = list_experiment(locations, ONE, with_files=True)
    run_dir = locations.results / "prefill_sensitivity" / ONE
    assert [holding.paths for holding in inventory.holdings[-2:]] == [(run_dir / "checkpoints",), (run_dir,)]
    assert inventory.left == ()


def test_files_elsewhere_stay_whatever_is_asked(locations, tmp_path):
    run_dir = make_run_dir(tmp_path / "mine" / "run-mine", checkpoint_dir="../weights")
    ExperimentRegistry(locations).register(run_dir)
    inventory = list_experiment(locations, "run-mine", with_files=True)
    assert list(describe(inventory)) == ["registration"]
    weights = run_dir / "../weights"
    reason = "yours; it lies outside data/"
    assert inventory.left == (f"checkpoints {weights}: {reason}", f"run folder {run_dir}: {reason}")


def test_a_link_out_of_data_is_not_followed(locations, tmp_path):
    run_dir = make_run_dir(tmp_path / "elsewhere")
    link = locations.results / "prefill_sensitivity" / "run-link"
    link.symlink_to(run_dir)
    inventory = list_experiment(locations, "run-link", with_files=True)
    assert inventory.holdings == ()
    assert inventory.left == (f"run folder {link}: yours; it lies outside data/",)


def test_a_hole_in_a_file_takes_nothing(locations):
    page = locations.reports / ONE / "index.html"
    with page.open("r+b") as stream:
        stream.truncate(2**30)
    (report,) = (holding for holding in list_experiment(locations, ONE).holdings if holding.what == "report")
    assert 0 < report.num_bytes < 2**20


@pytest.mark.parametrize(
    "config",
    [
        {"checkpoint_dir": f"../{ONE}/checkpoints"},
        {"prefill_source": f"../{ONE}/traces.jsonl"},
        {"problems": f"../{ONE}/problems.jsonl"},
        {"logprob_dirs": ["elsewhere", f"../{ONE}/logprobs"]},
        {"djinn_python": f"../{ONE}/venv/bin/python"},
    ],
    ids=lambda config: next(iter(config)),
)
def test_a_folder_that_another_experiment_needs_stays(locations, config):
    one = locations.results / "prefill_sensitivity" / ONE
    (one.parent / OTHER / "config.yaml").write_text(yaml.safe_dump(config))
    inventory = list_experiment(locations, ONE, with_files=True)
    assert "run folder" not in describe(inventory)
    assert ("checkpoints" in describe(inventory)) == ("checkpoint_dir" not in config), "nobody else needs them"
    assert inventory.left == (f"run folder {one}: kept; experiment {OTHER} needs it",)


def test_what_an_import_remembered_for_another_experiment_is_needed_too(locations):
    one = locations.results / "prefill_sensitivity" / ONE
    ExperimentRegistry(locations).register(one.parent / OTHER, {"logprob_dirs": [str(one / "logprobs")]})
    assert list_experiment(locations, ONE, with_files=True).left == (f"run folder {one}: kept; experiment {OTHER} needs it",)


def test_the_base_of_another_experiments_adapters_stays(locations):
    one = locations.results / "prefill_sensitivity" / ONE
    adapter = {"base_model_name_or_path": str(one / "checkpoints" / "checkpoint-1"), "r": 8}
    (one.parent / OTHER / "checkpoints" / "checkpoint-1" / "adapter_config.json").write_text(json.dumps(adapter))
    inventory = list_experiment(locations, ONE, with_files=True)
    assert {"checkpoints", "run folder"}.isdisjoint(describe(inventory))


@pytest.mark.parametrize("config", ["checkpoint_dir: [", "temperature: hot"])
def test_files_stay_where_another_config_does_not_say_what_it_needs(locations, config):
    one = locations.results / "prefill_sensitivity" / ONE
    (one.parent / OTHER / "config.yaml").write_text(config)
    inventory = list_experiment(locations, ONE, with_files=True)
    assert {"checkpoints", "run folder"}.isdisjoint(describe(inventory))
    assert inventory.left == (f"run folder {one}: kept; the config of experiment {OTHER} cannot be read, and may need it",)


@pytest.mark.parametrize("checkpoint_dir", ["../..", "../../..", ".."])
def test_a_folder_that_holds_more_than_the_experiment_stays(locations, checkpoint_dir):
    one = locations.results / "prefill_sensitivity" / ONE
    (one / "config.yaml").write_text(f"checkpoint_dir: {checkpoint_dir}\n")
    inventory = list_experiment(locations, ONE, with_files=True)
    assert "checkpoints" not in describe(inventory)
    assert inventory.left[0].startswith(f"checkpoints {one / checkpoint_dir}: kept; ")


def test_superseded_versions_are_listed_by_experiment_and_age(locations):
    assert list_superseded(locations).experiments == (ONE, OTHER)
    assert describe(list_superseded(locations, ONE)) == {"superseded eval_results": (1, 3)}
    assert list_superseded(locations, ONE, older_than_days=1).holdings == ()
    time.sleep(0.01)
    found = list_superseded(locations, ONE, older_than_days=1e-8)
    assert [path.suffix for path in found.holdings[0].paths] == [".parquet"]


def test_an_unknown_name_is_told_those_there_are(locations):
    assert list_experiments(locations) == [ONE, OTHER]
    for ask in (list_experiment, list_superseded):
        with pytest.raises(InputError, match=f"no experiment '../x'; known are: {ONE}, {OTHER}"):
            ask(locations, "../x")
