"""What a run is, for its record, before it has made anything: config, code, packages, machine and verifier."""

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
    verifier: str | None = None,
) -> dict[str, Any]:
    """What a run's rows may depend on and its partitions do not say by themselves, as plain values.

    Weights, problems and engine are said by the partitions that the run writes, which is what it really used. `verifier` names
    itself and its version. Code, packages and machine are looked at once a process, because they are those that the process has
    loaded; after that a call takes under a millisecond.
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
        "verifier": verifier,
        "problems": experiment.settings.problems,
        **_describe_process(project),
    }
