from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import duckdb
import pytest

from prefill_assets.warehouse.catalog import create_views
from prefill_assets.warehouse.partition import Stamp
from prefill_assets.warehouse.store import Warehouse
from prefill_assets_tests.warehouse.rows import KEY, STAMP, make_result

SAMPLES = f"eval_samples {KEY}"


def ask(warehouse: Warehouse, question: str) -> list[tuple]:
    with duckdb.connect() as connection:
        create_views(connection, warehouse)
        return connection.execute(question).fetchall()


def stamp(run_id: str, samples: str) -> Stamp:
    return Stamp(f"in-{run_id}", "1", run_id, json.dumps({SAMPLES: samples}))


def test_rows_that_were_replaced_by_others_stay_readable(warehouse):
    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=True)], stamp("first", "s"))
    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=False)], stamp("second", "s"))

    assert ask(warehouse, "SELECT task_id, exploit_success FROM eval_results") == [("a", False)]
    assert ask(warehouse, "SELECT task_id, exploit_success, run_id FROM superseded_eval_results") == [("a", True, "first")]
    assert ask(warehouse, "SELECT table_name, checkpoint, prefill_level, num_rows FROM superseded_partitions") == [
        ("eval_results", KEY.checkpoint, KEY.prefill_level, 1)
    ]


def test_equal_rows_supersede_nothing(warehouse):
    for run, feedback in (("first", "took 1 ms"), ("second", "took 2 ms")):
        warehouse.replace("eval_results", KEY, [make_result("a", secure_feedback=feedback)], stamp(run, "s"))

    assert ask(warehouse, "FROM superseded_eval_results") == []


def test_computed_tables_are_not_kept(warehouse):
    key = KEY._replace(checkpoint=None, prefill_level=None)
    for count in (10, 30):
        row = {"exploit_scope": "all", "predictor": "min_prefill", "num_rows": count, "num_problems": 1}
        counts = {"num_survival_rows": 0, "num_censored_rows": 0}
        warehouse.replace("predictor_comparison", key, [{"experiment": KEY.experiment, **row, **counts}], STAMP)

    assert ask(warehouse, "FROM superseded_partitions") == []


def test_each_change_of_a_verdict_is_told_with_what_it_was(warehouse):
    before = [make_result("same"), make_result("fixed", exploit_success=True), make_result("lost", exploit_success=False)]
    after = [
        make_result("same"),
        make_result("fixed", exploit_success=False),
        make_result("lost", exploit_success=None, error="broke"),
    ]
    warehouse.replace("eval_results", KEY, before, stamp("first", "s1"))
    warehouse.replace("eval_results", KEY, after, stamp("second", "s1"))

    question = (
        "SELECT task_id, old_exploit_success, exploit_success, same_sample, old_run_id, run_id FROM verdict_changes ORDER BY 1"
    )
    assert ask(warehouse, question) == [
        ("fixed", True, False, True, "first", "second"),
        ("lost", False, None, True, "first", "second"),
    ]


def test_a_verdict_on_a_new_generation_is_told_apart(warehouse):
    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=True)], stamp("first", "s1"))
    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=False)], stamp("second", "s2"))

    assert ask(warehouse, "SELECT same_sample FROM verdict_changes") == [(False,)]


@pytest.mark.parametrize("known", [(), ("first",), ("second",)])
def test_it_is_unknown_whether_a_verdict_that_came_without_its_sample_is_on_the_same_code(warehouse, known):
    for run, success in (("first", True), ("second", False)):
        came = stamp(run, "s") if run in known else Stamp("in", "1", run, '{"results_file": "f"}')
        warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=success)], came)

    assert ask(warehouse, "SELECT same_sample FROM verdict_changes") == [(None,)]


def test_a_kill_between_keeping_and_replacing_supersedes_nothing(warehouse, monkeypatch):
    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=True)], stamp("first", "s"))
    path = next(warehouse.root.glob("eval_results/experiment=run-1/**/rows.parquet"))
    kept = warehouse.root / "superseded" / path.relative_to(warehouse.root).with_name("20260101T000000-x.parquet")
    kept.parent.mkdir(parents=True)
    os.link(path, kept)

    assert ask(warehouse, "FROM superseded_eval_results") == []


@pytest.fixture
def no_links(monkeypatch):
    def refuse(*paths):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)


def test_without_links_a_copy_is_kept(warehouse, no_links):
    for run, success in (("first", True), ("second", False)):
        warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=success)], stamp(run, "s"))

    assert ask(warehouse, "SELECT task_id, run_id FROM superseded_eval_results") == [("a", "first")]
    (folder,) = warehouse.root.glob("superseded/eval_results/experiment=run-1/checkpoint=*/prefill_level=*")
    assert [path.suffix for path in folder.iterdir()] == [".parquet"]


def test_half_a_copy_is_none(warehouse, no_links, monkeypatch):
    def copy_half(source, target):
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise KeyboardInterrupt

    warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=True)], stamp("first", "s"))
    monkeypatch.setattr(shutil, "copyfile", copy_half)
    with pytest.raises(KeyboardInterrupt):
        warehouse.replace("eval_results", KEY, [make_result("a", exploit_success=False)], stamp("second", "s"))

    assert ask(warehouse, "FROM superseded_eval_results") == []
    assert ask(warehouse, "SELECT exploit_success FROM eval_results") == [(True,)]
