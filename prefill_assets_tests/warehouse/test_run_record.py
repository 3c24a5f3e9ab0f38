from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest

from prefill_assets.redaction import HIDDEN
from prefill_assets.sources.experiment import Experiment
from prefill_assets.sources.settings import Settings
from prefill_assets.stages.run_facts import collect_run_facts
from prefill_assets.warehouse.catalog import create_views
from prefill_assets.warehouse.partition import Stamp
from prefill_assets.warehouse.run_record import write_run_end, write_run_record
from prefill_assets.warehouse.store import Warehouse
from prefill_assets.warehouse.table import CELL
from prefill_assets_tests.warehouse.rows import KEY, make_result

EXPERIMENT = KEY.experiment


@pytest.fixture
def warehouse(tmp_path) -> Warehouse:
    return Warehouse(tmp_path / "it's" / "warehouse")


def ask(warehouse: Warehouse, question: str) -> list[tuple]:
    with duckdb.connect() as connection:
        create_views(connection, warehouse)
        return connection.execute(question).fetchall()


def collect(tmp_path, **given):
    settings = Settings(seed=7, **{"vllm_api_key": "sk-very-secret-indeed", "max_tokens": 12})
    return collect_run_facts(Experiment(tmp_path / EXPERIMENT, settings), tmp_path, **given)


def test_a_record_stays_as_it_was_first_written(warehouse):
    for seed in (1, 2):
        write_run_record(warehouse.root, "r", {"experiment": EXPERIMENT, "seed": seed})
    assert ask(warehouse, "SELECT run_id, experiment, seed, status FROM runs") == [("r", EXPERIMENT, 1, None)]


def test_a_run_over_two_experiments_has_a_record_for_each_and_an_end(warehouse):
    for experiment in ("a", "b"):
        write_run_record(warehouse.root, "r", {"experiment": experiment, "started_at": "2026-01-01T00:00:00.000+00:00"})
    write_run_end(warehouse.root, "r", "b", "success")
    write_run_end(warehouse.root, "r", "b", "failed")
    question = "SELECT experiment, status, finished_at > started_at FROM runs ORDER BY 1"
    assert ask(warehouse, question) == [("a", None, None), ("b", "success", True)]


def test_many_writers_of_one_record_leave_one_whole_file(warehouse):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seed: write_run_record(warehouse.root, "r", {"experiment": "e", "seed": seed}), range(40)))
    assert [path.name for path in (warehouse.root / "runs" / "e").iterdir()] == ["r.json"]
    assert ask(warehouse, "SELECT count(*) FROM runs") == [(1,)]


def test_facts_name_code_config_and_what_the_caller_knows_and_hide_secrets(warehouse, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    facts = collect(tmp_path, verifier="embedded 3")
    write_run_record(warehouse.root, "r", facts)
    question = (
        "SELECT seed, verifier, problems_version, model_fingerprints, settings ->> 'max_tokens', "
        "settings ->> 'vllm_api_key', packages ->> 'duckdb', prefill_assets IS NOT NULL FROM runs"
    )
    assert ask(warehouse, question) == [(7, "embedded 3", None, None, "12", HIDDEN, duckdb.__version__, True)]
    text = (warehouse.root / "runs" / EXPERIMENT / "r.json").read_text()
    assert "hf_secret" not in text
    assert "very-secret" not in text


def test_outside_a_repository_commit_and_changes_are_unknown(tmp_path):
    facts = collect(tmp_path)
    assert (facts["git_commit"], facts["git_has_changes"]) == (None, None)


def test_facts_are_cheap_after_the_first_time(tmp_path):
    collect(tmp_path)
    began = time.perf_counter()
    for _ in range(20):
        collect(tmp_path)
    assert (time.perf_counter() - began) / 20 < 0.02


def test_a_run_names_the_problems_and_weights_of_what_it_wrote_also_of_what_was_superseded(warehouse):
    write_run_record(warehouse.root, "r", {"experiment": EXPERIMENT})
    for step in (90, 9):
        key = KEY._replace(checkpoint=step)
        warehouse.replace("prefill_logprobs", key, [], Stamp("in", "1", "r", json.dumps({"checkpoint": f"weights of {step}"})))
    for run, success in (("r", True), ("later", False)):
        parts = Stamp("in", "1", run, json.dumps({"problems": f"of {run}", "verifier": "v"}))
        warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=success)], parts)

    question = "SELECT run_id, problems_version, model_fingerprints FROM runs"
    assert ask(warehouse, question) == [("r", "of r", '{"9":"weights of 9","90":"weights of 90"}')]


def test_a_verdict_leads_to_engine_weights_and_seed_of_the_samples_that_it_judges(warehouse):
    for number in (1, 2):
        sample = {name: make_result("a")[name] for name in (*CELL, "task_id", "exploit_type", "attempt_idx")}
        rows = [{**sample, "engine": f"engine {number}"}]
        parts = {"checkpoint": f"weights {number}", "prompts": f"p{number}", "seed": number}
        samples = warehouse.replace("eval_samples", KEY, rows, Stamp("in", "1", "r", json.dumps(parts)))
        if number == 1:  # judged once, and never again
            judged = json.dumps({f"eval_samples {KEY}": samples.data_version, "verifier": "v"})
            warehouse.replace("eval_results", KEY, [make_result("a")], Stamp("in", "1", "r", judged))

    question = "SELECT is_superseded, engine, model_fingerprint, prompts_version, seed FROM provenance WHERE table_name = "
    assert ask(warehouse, f"{question}'eval_results'") == [(False, "engine 1", "weights 1", "p1", 1)]
    assert ask(warehouse, f"{question}'eval_samples' ORDER BY 1") == [
        (False, "engine 2", "weights 2", "p2", 2),
        (True, "engine 1", "weights 1", "p1", 1),
    ]


def test_every_version_of_a_partition_leads_to_its_run(warehouse):
    for run, success, verifier in (("first", True, "embedded 1"), ("second", False, "embedded 2")):
        write_run_record(
            warehouse.root, run, {"experiment": EXPERIMENT, "git_commit": f"commit of {run}", "settings": {"seed": 3}}
        )
        parts = {"problems": "p1", "verifier": "as the stamp says", "seed": 4}
        rows = [make_result("a", exploit_success=success, verifier=verifier)]
        warehouse.replace("eval_results", KEY, rows, Stamp("in", "1", run, json.dumps(parts)))
    warehouse.replace("trajectory", KEY._replace(prefill_level=None), [], Stamp("in", "4", "unrecorded"))

    question = (
        "SELECT table_name, run_id, is_superseded, verifier, problems_version, code_version, "
        "git_commit, seed, settings ->> 'seed' "
        "FROM provenance ORDER BY written_at"
    )
    assert ask(warehouse, question) == [
        ("eval_results", "first", True, "embedded 1", "p1", "1", "commit of first", 4, "3"),
        ("eval_results", "second", False, "embedded 2", "p1", "1", "commit of second", 4, "3"),
        ("trajectory", "unrecorded", False, None, None, "4", None, None, None),
    ]
