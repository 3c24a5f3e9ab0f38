"""What a run is, for its record: config, code, packages, machine, engine, verifier, problems and weights."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prefill_assets.environment import describe_environment
from prefill_assets.sources.experiment import Experiment
from prefill_assets.warehouse.run_record import write_now

_describe_process = cache(describe_environment)


def collect_run_facts(
    experiment: Experiment,
    project: Path,
    *,
    overrides: Mapping[str, Any] | None = None,
    engine: str | None = None,
    device: str | None = None,
    verifier: str | None = None,
    problems_version: str | None = None,
    model_fingerprints: Mapping[int, str] | None = None,
) -> dict[str, Any]:
    """Everything that a run's rows may depend on, as plain values; what the caller does not know stays None, which means unknown.

    `engine` and `verifier` name themselves and their versions; `model_fingerprints` are by checkpoint. Code, packages and machine
    are looked at once a process, because they are those that the process has loaded; after that a call takes under a millisecond.
    """
    settings = experiment.settings.model_dump(mode="json")
    return {
        "experiment": experiment.name,
        "started_at": write_now(),
        "run_dir": str(experiment.run_dir),
        "settings": settings,
        "overrides": dict(overrides or {}),
        "seed": experiment.settings.seed,
        "dtype": experiment.settings.dtype,
        "engine": engine,
        "device": device,
        "verifier": verifier,
        "problems": experiment.settings.problems,
        "problems_version": problems_version,
        "model_fingerprints": {str(step): text for step, text in (model_fingerprints or {}).items()},
        **_describe_process(project),
    }
