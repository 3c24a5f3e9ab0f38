from __future__ import annotations

import re
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.experiment import list_unknown_keys, load_experiment

SPEC_CONFIG = """\
checkpoint_dir: results/sft_checkpoints/sft_gpt-oss/checkpoints
checkpoints:
- checkpoint-1
- checkpoint-10
- checkpoint-90
prefill_tokens_sweep: 0,10,30,100
"""


def write_run(folder: Path, config: str, *cells: tuple[int, int]) -> Path:
    (folder / "evals").mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    for checkpoint, level in cells:
        (folder / "evals" / f"checkpoint-{checkpoint}_prefill{level}.jsonl").touch()
    return folder


def make_checkpoints(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).mkdir(parents=True)
    return folder


def complain(config: str, folder: Path, **overrides: object) -> str:
    """The error of a run with this config, from the config's path on."""
    run_dir = folder / "run-20251216-012007"
    run_dir.mkdir(exist_ok=True)
    (run_dir / "config.yaml").write_bytes(config.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError) as caught:
        load_experiment(run_dir, overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(str(run_dir / "config.yaml"))


def test_the_specs_config_names_checkpoints_and_levels(tmp_path):
    experiment = load_experiment(write_run(tmp_path / "prefill_sensitivity-20251216-012007-47bf405", SPEC_CONFIG))

    assert experiment.name == "prefill_sensitivity-20251216-012007-47bf405"
    assert experiment.checkpoints == (1, 10, 90)
    assert experiment.levels == (0, 10, 30, 100)
    assert experiment.cells == [(step, level) for step in (1, 10, 90) for level in (0, 10, 30, 100)]


def test_null_discovers_checkpoints_in_the_folder_by_number(tmp_path):
    make_checkpoints(tmp_path / "weights", "checkpoint-100", "checkpoint-20", "checkpoint-3", "final", "checkpoint-x")
    (tmp_path / "weights" / "checkpoint-7").touch()
    experiment = load_experiment(write_run(tmp_path / "run", "checkpoint_dir: ../weights\ncheckpoints: null\n"))

    assert experiment.checkpoints == (3, 20, 100)


def test_null_discovers_cells_in_an_imported_run_without_any_weights(tmp_path):
    config = "checkpoint_dir: gone/away\ncheckpoints: null\nprefill_tokens_sweep: null\n"
    run_dir = write_run(tmp_path / "run", config, (90, 0), (90, 30), (1, 0))
    for stray in ("checkpoint-5_prefill10.jsonl.samples.jsonl", "reward_delta_checkpoint-7_prefill7.jsonl", "final_all.jsonl"):
        (run_dir / "evals" / stray).touch()

    experiment = load_experiment(run_dir)

    assert (experiment.checkpoints, experiment.levels) == ((1, 90), (0, 30))
    assert sorted(experiment.eval_files) == [(1, 0), (90, 0), (90, 30)]


def test_two_files_of_one_cell_are_refused(tmp_path):
    run_dir = write_run(tmp_path / "run", "seed: 1\n", (1, 0))
    (run_dir / "evals" / "checkpoint-01_prefill0.jsonl").touch()

    with pytest.raises(InputError, match=r"checkpoint-1_prefill0.jsonl: .* is also in .*checkpoint-01_prefill0.jsonl; keep one"):
        _ = load_experiment(run_dir).cells


def test_files_and_folders_are_discovered_together(tmp_path):
    make_checkpoints(tmp_path / "weights", "checkpoint-1", "checkpoint-10")

    experiment = load_experiment(write_run(tmp_path / "run", "checkpoint_dir: ../weights\n", (1, 0), (5, 0)))

    assert experiment.checkpoints == (1, 5, 10)


def test_a_config_that_names_no_levels_gets_the_specs_sweep(tmp_path):
    assert load_experiment(write_run(tmp_path / "run", "checkpoints: 1\n")).levels == (0, 10, 30, 100)


@pytest.mark.parametrize("at", ["run/weights", "runs-of-mine/weights", "weights"])
def test_relative_paths_are_found_from_the_configs_folder_or_the_nearest_folder_above(tmp_path, monkeypatch, at):
    run_dir = write_run(tmp_path / "project" / "runs-of-mine" / "run", "checkpoint_dir: weights\n")
    places = {"run/weights": run_dir, "runs-of-mine/weights": run_dir.parent, "weights": tmp_path / "project"}
    weights = make_checkpoints(places[at] / "weights", "checkpoint-1")
    monkeypatch.chdir("/")

    assert load_experiment(run_dir).checkpoint_dir == weights


def test_the_nearer_of_two_folders_wins(tmp_path):
    run_dir = write_run(tmp_path / "project" / "run", "checkpoint_dir: weights\n")
    make_checkpoints(tmp_path / "weights", "checkpoint-1")
    near = make_checkpoints(run_dir / "weights", "checkpoint-2")

    assert load_experiment(run_dir).checkpoint_dir == near


def test_the_specs_paths_from_the_project_folder_are_found_from_a_run_inside_it(tmp_path):
    weights = make_checkpoints(tmp_path / "results/sft_checkpoints/sft_gpt-oss/checkpoints", "checkpoint-1")

    experiment = load_experiment(write_run(tmp_path / "results/prefill_sensitivity/run-1", SPEC_CONFIG))

    assert experiment.checkpoint_dir == weights


def test_absolute_paths_stay_and_missing_ones_are_named_from_the_configs_folder(tmp_path):
    experiment = load_experiment(write_run(tmp_path / "run", "checkpoint_dir: /nowhere/weights\n"))

    assert experiment.checkpoint_dir == Path("/nowhere/weights")
    assert experiment.resolve("not/there.jsonl") == tmp_path / "run" / "not/there.jsonl"


def test_a_run_folder_may_be_named_from_the_working_folder(tmp_path, monkeypatch):
    write_run(tmp_path / "run", "checkpoints: 1\n")
    monkeypatch.chdir(tmp_path / "run")

    assert load_experiment(Path()).name == "run"


def test_overrides_replace_keys_and_none_replaces_nothing(tmp_path):
    run_dir = write_run(tmp_path / "run", "threshold: 30\nseed: 5\nattempts: 9\n")

    settings = load_experiment(run_dir, {"threshold": 20, "seed": None, "num_attempts": 2}).settings

    assert (settings.threshold, settings.seed, settings.num_attempts) == (20, 5, 2)


@pytest.mark.parametrize(
    ("config", "place", "problem"),
    [
        ("seed: 1\nprefill_tokens_sweep: ''\n", ":2", "prefill_tokens_sweep: is empty"),
        ("prefill_tokens_sweep: []\n", ":1", "prefill_tokens_sweep: is empty"),
        ("seed: 1\n\n# a comment\nprefill_tokens_sweep: 0,ten\n", ":4", "'ten' is not a prefill level"),
        ("checkpoints:\n- checkpoint-90\n- 90\n", ":1", "names a checkpoint twice: [90]"),
        ("seed: 1\ncheckpoints: checkpoint-last\n", ":2", "'checkpoint-last' is not a checkpoint"),
        ("seed: 1\nthreshold: .nan\n", ":2", "threshold: "),
        ("seed: 1\nlogprob_threshold: .nan\n", ":2", "logprob_threshold: "),
        ("seed: one\n", ":1", "seed: "),
        ("checkpoint_dir: x\nattempts: many\n", ":2", "attempts: "),
        ("seed: 1\nunintentional_exploit_types: [1]\n", ":2", "unintentional_exploit_types: "),
        ("seed: 1\nseed: 2\n", ":2", "seed stands there twice, first in line 1"),
        ("seed: 1\n5: five\n", ":2", "key 5 is not text"),
        ("seed: 1\non: five\n", ":2", "key on is not text"),
        ("seed: 1\n  threshold: [\n", ":2", "not YAML"),
        ("seed: [1\nthreshold: 2\n", ":2", "not YAML"),
        ("seed: 1\n\tthreshold: 2\n", ":2", "not YAML"),
        ("seed: !!python/object/apply:os.system ['true']\n", ":1", "not YAML"),
        ("- seed\n- threshold\n", ":1", "is not a mapping"),
        ("just words\n", ":1", "is not a mapping"),
        ("", ":1", "is not a mapping"),
        ("seed: \udcff\n", "", "not YAML"),
        ("seed: \x07\n", "", "not YAML"),
    ],
)
def test_a_fault_of_the_config_is_one_line_with_file_line_and_remedy(tmp_path, config, place, problem):
    complaint = complain(config, tmp_path)

    assert complaint.startswith(f"{place}: ")
    assert problem in complaint
    assert re.search(r"; \S", complaint), "no remedy"


def test_a_bad_override_is_not_blamed_on_a_line_of_the_config(tmp_path):
    complaint = complain("threshold: 10\n", tmp_path, threshold=-1)

    assert complaint.startswith("threshold: ")


def test_a_missing_folder_or_config_says_what_to_write(tmp_path):
    with pytest.raises(InputError, match=r"nowhere: no such run folder; name a folder that holds config.yaml"):
        load_experiment(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"no config.yaml; write one: checkpoint_dir, prefill_source"):
        load_experiment(tmp_path)


@pytest.mark.parametrize("name", ["my run", "_", "-x", "run|1", "rün", "a=b", "it's"])
def test_a_folder_that_cannot_name_an_experiment_is_refused(tmp_path, name):
    write_run(tmp_path / name, SPEC_CONFIG)

    with pytest.raises(InputError, match=r"cannot name an experiment; use only letters"):
        load_experiment(tmp_path / name)


@pytest.mark.parametrize(
    ("config", "line"),
    [("seed: 1\n", 1), ("seed: 1\ncheckpoint_dir: gone/weights\n", 2), ("seed: 1\ncheckpoint_dir: empty\n", 2)],
)
def test_checkpoints_that_cannot_be_discovered_are_an_error(tmp_path, config, line):
    run_dir = write_run(tmp_path / "run", config)
    (run_dir / "empty").mkdir()

    with pytest.raises(InputError) as caught:
        _ = load_experiment(run_dir).checkpoints

    assert "checkpoint_dir" in str(caught.value)
    assert caught.value.remedy


def test_unknown_keys_are_listed_with_what_they_resemble(tmp_path):
    config = "prefil_source: x\nnum_atempts: 3\nbase_url: http://localhost:8000/v1\n"

    unknown = list_unknown_keys(load_experiment(write_run(tmp_path / "run", config)))

    assert unknown == {"prefil_source": "prefill_source", "num_atempts": "num_attempts", "base_url": None}
