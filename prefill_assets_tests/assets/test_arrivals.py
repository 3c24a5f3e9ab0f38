import shutil
import time
from functools import partial

import dagster as dg
import pytest
from dagster._core.utils import make_new_run_id

from prefill_assets.assets import arrivals
from prefill_assets.assets.arrivals import new_checkpoints
from prefill_assets.assets.platform import Platform
from prefill_assets.definitions import defs
from prefill_assets.locations import Locations
from prefill_assets.stages.inputs import ExperimentInputs
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.assets.conftest import CELL_TABLES, enter_workplace, make_once
from prefill_assets_tests.tiny_models import save_checkpoint
from prefill_assets_tests.tiny_projects import EXPERIMENT, make_experiment, write_config


@pytest.fixture(scope="module")
def looked_at_project(tmp_path_factory, registered_project):
    """An installation after one tick, which evaluated what there was."""
    return make_once(tmp_path_factory, "looked-at", registered_project, look)


@pytest.fixture
def looked_at(looked_at_project, host, tmp_path, monkeypatch):
    return enter_workplace(shutil.copytree(looked_at_project, tmp_path / "project"), monkeypatch)


def ask(workplace, later: float = 3600) -> dg.SensorResult:
    """One tick, so many seconds from now; nothing is done yet."""
    context = dg.build_sensor_context(instance=workplace.instance, definitions=defs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrivals, "is_settled", partial(arrivals.is_settled, now=time.time() + later))
        return new_checkpoints(context, platform=Platform())


def look(workplace, later: float = 3600) -> dg.SensorResult:
    """One tick; what it asks for is done, in this process."""
    result = ask(workplace, later)
    for request in result.dynamic_partitions_requests or []:
        workplace.instance.add_dynamic_partitions(request.partitions_def_name, request.partition_keys)
    for request in result.run_requests or []:
        job = defs.resolve_job_def(request.job_name)
        done = job.execute_in_process(instance=workplace.instance, tags=request.tags, run_config=request.run_config)
        assert done.success
    return result


def list_evaluated(workplace) -> set[str]:
    return {key.partition("|")[0] for key in workplace.list_present("eval_results")}


def list_keys(result: dg.SensorResult) -> list[str]:
    return [request.run_key.removeprefix(f"{EXPERIMENT}/").split("/")[0] for request in result.run_requests or []]


def test_it_is_off_until_it_is_switched_on():
    assert new_checkpoints.default_status is dg.DefaultSensorStatus.STOPPED


def test_what_lies_there_is_evaluated_once(workplace, host):
    assert list_keys(look(workplace)) == ["inputs", "1", "10"]
    assert list_evaluated(workplace) == {"checkpoint-000001", "checkpoint-000010"}
    assert workplace.list_present("prefill_logprobs") == workplace.list_present("eval_samples")
    assert list_keys(look(workplace)) == []


def test_a_new_checkpoint_gets_its_partitions_and_its_run(looked_at):
    save_checkpoint(looked_at.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=7)

    assert list_keys(look(looked_at)) == ["20"]
    assert "checkpoint-000020" in list_evaluated(looked_at)


def test_a_checkpoint_that_is_being_written_is_left_for_later(looked_at):
    folder = save_checkpoint(looked_at.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=7)
    assert list_keys(look(looked_at, later=0)) == [], "its files have just changed"

    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(weights[:-100])
    assert list_keys(look(looked_at)) == [], "its weights are not whole"

    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").rename(folder / "later.json")
    assert list_keys(look(looked_at)) == [], "it has no configuration yet"

    (folder / "later.json").rename(folder / "config.json")
    assert list_keys(look(looked_at)) == ["20"]


@pytest.mark.parametrize("place", [(ExperimentInputs, "fingerprint"), (arrivals, "is_settled")], ids=lambda place: place[1])
def test_a_checkpoint_that_is_deleted_while_we_look_keeps_no_other_one_waiting(looked_at, monkeypatch, place):
    for step in (20, 30):
        save_checkpoint(looked_at.run_dir / "checkpoints" / f"checkpoint-{step}", "chatml", seed=step)
    real = getattr(*place)

    def find_gone(*arguments, **options):
        if str(arguments[-1]).endswith("20"):
            raise FileNotFoundError("checkpoint-20")
        return real(*arguments, **options)

    monkeypatch.setattr(*place, find_gone)
    assert list_keys(ask(looked_at)) == ["30"]


def test_a_checkpoint_that_is_written_anew_is_evaluated_anew(looked_at):
    save_checkpoint(looked_at.run_dir / "checkpoints" / "checkpoint-10", "chatml", seed=99)

    assert list_keys(look(looked_at)) == ["10"]
    assert list_keys(look(looked_at)) == []


def test_a_deleted_checkpoint_is_not_asked_for_again_and_keeps_its_results(looked_at):
    shutil.rmtree(looked_at.run_dir / "checkpoints" / "checkpoint-1")

    assert list_keys(look(looked_at)) == []
    assert "checkpoint-000001" in list_evaluated(looked_at)


def test_a_new_experiment_registers_itself(looked_at):
    other = "prefill_sensitivity-20260102-000000-other"
    make_experiment(looked_at.project, other, prefill_tokens_sweep="0,5")

    look(looked_at)
    assert f"{other}/checkpoint-000010" in looked_at.instance.get_dynamic_partitions("checkpoints")
    assert any(key.startswith(f"{other}/") for key in looked_at.list_present("eval_results"))


def test_levels_are_evaluated_also_where_another_experiment_made_some_of_them_known_first(looked_at):
    """Dagster knows 0, 3, 8, and then 1 and 6: by number the range from 1 to 8 would be empty."""
    make_experiment(looked_at.project, "prefill_sensitivity-20260102-000000-o", prefill_tokens_sweep="1,6", checkpoints=[90])
    look(looked_at)
    save_checkpoint(looked_at.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=7)
    write_config(looked_at.run_dir, prefill_tokens_sweep="1,5,8", checkpoints=[20])

    assert list_keys(look(looked_at)) == ["20"]

    evaluated = {key for key in looked_at.list_present("eval_results") if key.startswith("checkpoint-000020")}
    assert evaluated == {f"checkpoint-000020|prefill-000{level}" for level in (1, 5, 8)}


def test_a_broken_experiment_does_not_keep_others_waiting(workplace, host):
    broken = make_experiment(workplace.project, "prefill_sensitivity-20260103-000000-broken")
    (broken / "config.yaml").write_text("attempts: many\n")

    assert list_keys(look(workplace)) == ["inputs", "1", "10"]


@pytest.fixture
def arrived(looked_at):
    """The same with a checkpoint 20 that has just arrived."""
    save_checkpoint(looked_at.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=7)
    return looked_at


def launch(workplace, status: dg.DagsterRunStatus) -> dg.DagsterRun:
    """The one run that is asked for, as Dagster remembers it once it has this status."""
    (request,) = ask(workplace).run_requests or []
    keys = {run.tags.get("dagster/run_key") for run in workplace.instance.get_runs()}
    assert request.run_key not in keys, "Dagster would launch nothing"
    tags = {**request.tags, "dagster/run_key": request.run_key}
    return workplace.instance.add_run(dg.DagsterRun(request.job_name, run_id=make_new_run_id(), status=status, tags=tags))


def test_nothing_is_asked_for_while_a_run_for_that_checkpoint_has_not_ended(arrived):
    run = launch(arrived, dg.DagsterRunStatus.STARTED)
    assert f"run {run.run_id} has not ended" in str(ask(arrived).skip_reason)

    save_checkpoint(arrived.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=8)
    assert list_keys(ask(arrived)) == [], "it may have loaded either weights"
    Warehouse(Locations.find().warehouse).drop("eval_results", PartitionKey(EXPERIMENT, 10, 3))
    assert list_keys(ask(arrived)) == ["10"], "another checkpoint does not wait"


def test_a_failed_run_is_asked_for_twice_more_and_then_named(arrived):
    runs = [launch(arrived, dg.DagsterRunStatus.FAILURE) for _ in range(3)]

    result = ask(arrived)
    assert list_keys(result) == []
    assert f"mend what run {runs[-1].run_id} says and re-execute it" in str(result.skip_reason)

    save_checkpoint(arrived.run_dir / "checkpoints" / "checkpoint-20", "chatml", seed=8)
    assert list_keys(ask(arrived)) == ["20"], "other weights are another matter"


def test_a_run_that_its_user_canceled_is_not_asked_for_again(arrived):
    run = launch(arrived, dg.DagsterRunStatus.CANCELED)

    assert f"run {run.run_id} was canceled" in str(ask(arrived).skip_reason)


def test_a_run_is_asked_for_again_where_what_it_made_is_gone_or_its_record_is(arrived):
    for _ in range(4):
        run = launch(arrived, dg.DagsterRunStatus.SUCCESS)
    arrived.instance.delete_run(run.run_id)

    assert launch(arrived, dg.DagsterRunStatus.SUCCESS)


def test_inputs_that_failed_are_asked_for_again_and_then_named(looked_at):
    Warehouse(Locations.find().warehouse).drop("problems", PartitionKey(EXPERIMENT))
    runs = [launch(looked_at, dg.DagsterRunStatus.FAILURE) for _ in range(3)]

    assert f"{EXPERIMENT}/inputs: 3 runs failed; mend what run {runs[-1].run_id} says" in str(ask(looked_at).skip_reason)


def test_only_gaps_are_filled(workplace, host):
    workplace.run(CELL_TABLES, "checkpoint-000001|prefill-0003")
    look(workplace)
    (first, *_) = workplace.instance.fetch_materializations(dg.AssetKey("eval_samples"), limit=100).records[::-1]
    later = [
        record
        for record in workplace.instance.fetch_materializations(dg.AssetKey("eval_samples"), limit=100).records
        if record.partition_key == first.partition_key
    ]
    assert [record.asset_materialization.metadata.get("made_by_run") is not None for record in later] == [True, False]
