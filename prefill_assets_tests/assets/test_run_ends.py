"""What dagster.yaml says of runs that never came to say in which process they are."""

from __future__ import annotations

import logging
import time

import dagster as dg
import pytest
from dagster._daemon.monitoring import run_monitoring

from prefill_assets_tests.runs.dagster_runs import make_run


@pytest.mark.parametrize(("waited_seconds", "status"), [(540, "STARTING"), (660, "FAILURE")])
def test_a_run_that_does_not_begin_gives_its_pool_back(workplace, monkeypatch, waited_seconds, status):
    instance = workplace.instance
    run = instance.add_run(make_run("NOT_STARTED", {}))
    instance.report_dagster_event(dg.DagsterEvent("PIPELINE_STARTING", run.job_name), run_id=run.run_id)
    monkeypatch.setattr(run_monitoring, "get_current_timestamp", lambda: time.time() + waited_seconds)

    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_cancel_timeout_seconds == 0, "a slow cancellation holds the engine still"
    run_monitoring.monitor_starting_run(instance, instance.get_run_record_by_id(run.run_id), logging.getLogger())
    assert instance.get_run_by_id(run.run_id).status.value == status
