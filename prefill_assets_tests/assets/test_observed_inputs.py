"""Dagster takes for stale exactly what was made from something that has changed since."""

from __future__ import annotations

import shutil

import dagster as dg
import pytest
from dagster._core.definitions.observe import observe

from prefill_assets.assets.observed_inputs import observe_inputs, observed_inputs
from prefill_assets.assets.partitions import write_partition_key
from prefill_assets.assets.platform import Platform
from prefill_assets.locations import Locations
from prefill_assets.runs.plan import LAYERS, list_tables
from prefill_assets.stages.freshness import make_stamp
from prefill_assets.stages.observed_inputs import OBSERVED_INPUTS
from prefill_assets.warehouse.partition import PartitionKey, Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.assets.conftest import enter_workplace, make_once, set_up_host
from prefill_assets_tests.assets.staleness import list_not_fresh
from prefill_assets_tests.tiny_models import save_checkpoint
from prefill_assets_tests.tiny_problems import make_problem, make_trace, write_problems, write_traces
from prefill_assets_tests.tiny_projects import EXPERIMENT, STEPS, TASKS, make_experiment, write_config

CHECKPOINTS = ("checkpoint-000001", "checkpoint-000010")
CELLS = (f"{CHECKPOINTS[0]}|prefill-0000", f"{CHECKPOINTS[1]}|prefill-0008")


def make_everything(workplace) -> None:
    for job, tables in LAYERS:
        by_cell, by_checkpoint = job == "evaluate_checkpoints", tables[0] in ("trajectory", "trajectory_with_logprob")
        assert workplace.run(tables, *(CELLS if by_cell else CHECKPOINTS if by_checkpoint else ())).success
    look(workplace)


def look(workplace) -> None:
    """One evaluation of the sensor."""
    context = dg.build_sensor_context(instance=workplace.instance, resources={"platform": Platform()})
    observe_inputs(context)


def list_changed() -> set[tuple[str, str | None]]:
    """What is made from something that changed, by our own account; what only follows from that is left out, as by Dagster."""
    dependencies, found = Platform().load_snapshot(EXPERIMENT), set()
    for table in list_tables():
        for key in dependencies.list_keys(table):
            stored, partition = dependencies.find_stamp(table, key), write_partition_key(key)
            if stored is not None and stored.input_version != make_stamp(dependencies, table, key, "").input_version:
                found.add((table, None if partition is None else str(partition)))
    return found


def list_stale(workplace) -> set[tuple[str, str | None]]:
    return {key for key, causes in list_not_fresh(workplace.instance).items() if causes}


@pytest.fixture(scope="module")
def made_project(tmp_path_factory, registered_project):
    return make_once(tmp_path_factory, "everything-made", registered_project, make_everything)


@pytest.fixture
def made(made_project, host, tmp_path, monkeypatch):
    """Everything made, for a test that makes more."""
    return enter_workplace(shutil.copytree(made_project, tmp_path / "project"), monkeypatch)


@pytest.fixture(scope="module")
def shared(made_project, tmp_path_factory):
    """The same, for all tests that only edit and look."""
    with pytest.MonkeyPatch.context() as patch:
        workplace = enter_workplace(shutil.copytree(made_project, tmp_path_factory.mktemp("shared") / "project"), patch)
        set_up_host(patch)
        yield workplace


@pytest.fixture
def looked_at(shared):
    """An installation in which nothing is stale, and whose files are put back afterwards."""
    kept = {path: path.read_bytes() for path in shared.run_dir.rglob("*") if path.is_file()}
    assert not list_not_fresh(shared.instance), "what was just made, or put back, is fresh"
    yield shared
    for path, content in kept.items():
        path.write_bytes(content)
    look(shared)


def edit_a_description(run_dir):
    problems = [make_problem(task, **({"description": "Add up."} if task == TASKS[0] else {})) for task in TASKS]
    write_problems(run_dir / "problems.jsonl", problems)


def edit_a_test(run_dir):
    write_problems(run_dir / "problems.jsonl", [make_problem(task, test_cases=[([1, 5], 6)]) for task in TASKS])


def edit_the_traces(run_dir):
    write_traces(run_dir / "traces.jsonl", [make_trace(task, reasoning="Other words in here.") for task in TASKS])


def set_config(**changed):
    return lambda run_dir: write_config(run_dir, **changed)


def train_again(run_dir):
    save_checkpoint(run_dir / "checkpoints" / "checkpoint-10", "chatml", seed=7)


@pytest.mark.parametrize(
    ("edit", "stale_tables"),
    [
        (edit_a_description, {"problems", "eval_samples"}),
        (edit_a_test, {"problems", "eval_results"}),
        (edit_the_traces, {"prefill_traces", "eval_samples"}),
        (set_config(temperature=0.5), {"eval_samples"}),
        (set_config(max_samples=2), {"prefill_logprobs"}),
        (set_config(threshold=4), {"trajectory_analysis", "trajectory_with_logprob", "predictor_comparison"}),
        (set_config(logprob_threshold=-20.0), {"trajectory_with_logprob", "predictor_comparison"}),
        (set_config(bootstrap_resamples=30), {"predictor_comparison"}),
        (train_again, {"eval_samples", "prefill_logprobs"}),
    ],
)
def test_an_edit_makes_stale_what_reads_it_and_nothing_else(looked_at, edit, stale_tables):
    edit(looked_at.run_dir)
    look(looked_at)

    stale = list_stale(looked_at)
    assert {table for table, _ in stale} == stale_tables
    assert stale == list_changed()


def test_weights_that_were_written_again_concern_their_checkpoint_alone(looked_at):
    train_again(looked_at.run_dir)
    look(looked_at)
    assert {partition.split("|")[0] for _, partition in list_stale(looked_at)} == {f"{EXPERIMENT}/{CHECKPOINTS[1]}"}


def test_another_verifier_makes_all_verdicts_stale(looked_at, monkeypatch):
    monkeypatch.setattr(Platform, "find_verifier_version", lambda self, experiment: "embedded another")
    look(looked_at)
    assert {table for table, _ in list_stale(looked_at)} == {"eval_results"}


def test_what_is_made_anew_is_fresh_again(made):
    write_config(made.run_dir, threshold=4)
    look(made)
    for tables, *keys in (["trajectory_analysis"],), (["trajectory_with_logprob"], *CHECKPOINTS), (["predictor_comparison"],):
        assert made.run(tuple(tables), *keys).success
        look(made)
    assert {table for table, _ in list_stale(made)} <= {"threshold_comparison", "report"}, "what follows, where rows changed"


def test_a_setting_that_changes_while_nobody_looks_is_seen_by_the_run_itself(made):
    write_config(made.run_dir, bootstrap_resamples=30)
    assert made.run(("predictor_comparison",)).success
    look(made)
    assert ("predictor_comparison", None) not in list_stale(made)


def test_one_more_level_or_experiment_makes_no_sample_stale(made):
    write_config(made.run_dir, prefill_tokens_sweep="0,3,8,9")
    make_experiment(made.project, "prefill_sensitivity-20260202-000000-other")
    made.register()
    look(made)
    assert made.run(("problems", "prefill_traces")).success
    look(made)

    assert not {table for table, _ in list_stale(made)} & {"eval_samples", "eval_results", "prefill_logprobs"}


def test_verdicts_of_another_experiment_make_the_report_stale_which_shows_them_beside_its_own(made):
    Warehouse(Locations.find().warehouse).replace("eval_results", PartitionKey("a-control", 1, 0), [], Stamp("", "2", "run"))
    look(made)

    assert list_stale(made) == list_changed() == {("report", None)}


def test_a_look_without_changes_tells_nothing(looked_at):
    before = looked_at.instance.event_log_storage.get_maximum_record_id()
    look(looked_at)
    assert looked_at.instance.event_log_storage.get_maximum_record_id() == before


def test_observing_by_hand_tells_what_the_sensor_tells(looked_at):
    assert observe(observed_inputs, instance=looked_at.instance, resources={"platform": Platform()}).success
    assert not list_stale(looked_at)
    before = looked_at.instance.event_log_storage.get_maximum_record_id()
    look(looked_at)
    assert looked_at.instance.event_log_storage.get_maximum_record_id() == before


def test_every_observed_input_is_read_by_the_table_it_names():
    from prefill_assets.definitions import defs

    graph = defs.resolve_asset_graph()
    for name, observed in OBSERVED_INPUTS.items():
        assert dg.AssetKey(name) in graph.get(dg.AssetKey(observed.table)).parent_keys
    assert {observed.table for observed in OBSERVED_INPUTS.values()} == set(list_tables())
    assert len(STEPS) == len(CHECKPOINTS)
