"""Runs as Dagster records them, without running anything."""

from __future__ import annotations

from collections.abc import Mapping

import dagster as dg
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin

JOB = "evaluate_checkpoints"


def make_run(status: str, tags: Mapping[str, str]) -> dg.DagsterRun:
    """A run of evaluations, launched from the UI."""
    repository = RemoteRepositoryOrigin(GrpcServerCodeLocationOrigin(host="localhost", port=1), "__repository__")
    return dg.DagsterRun(
        job_name=JOB, tags=tags, status=dg.DagsterRunStatus(status), remote_job_origin=RemoteJobOrigin(repository, JOB)
    )
