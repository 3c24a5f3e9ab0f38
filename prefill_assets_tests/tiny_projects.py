"""A whole installation in a folder: dagster.yaml, and an experiment on two tiny checkpoints."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import yaml

from prefill_assets_tests.tiny_models import save_checkpoint
from prefill_assets_tests.tiny_problems import make_problem, make_trace, write_problems, write_traces

REPOSITORY = Path(__file__).parents[1]
EXPERIMENT = "prefill_sensitivity-20260101-000000-tiny"
TASKS = ("add_one", "add_two", "NA")
STEPS, LEVELS, ATTEMPTS = (1, 10), (0, 3, 8), 2
NUM_SAMPLES = len(TASKS) * len(STEPS) * len(LEVELS) * ATTEMPTS


def make_project(folder: Path) -> Path:
    """An empty installation."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("dagster.yaml", "workspace.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    return folder


def make_experiment(project: Path, name: str = EXPERIMENT, **changed: Any) -> Path:
    """A run folder under the installation's results; None removes a key of its config."""
    run_dir = project / "data" / "results" / "prefill_sensitivity" / name
    run_dir.mkdir(parents=True)
    for seed, step in enumerate(STEPS):
        save_checkpoint(run_dir / "checkpoints" / f"checkpoint-{step}", "chatml", seed=seed)
    write_problems(run_dir / "problems.jsonl", [make_problem(task) for task in TASKS])
    write_traces(run_dir / "traces.jsonl", [make_trace(task) for task in TASKS])
    write_config(run_dir, **changed)
    return run_dir


def write_config(run_dir: Path, **changed: Any) -> None:
    config: dict[str, Any] = {
        "checkpoint_dir": "checkpoints",
        "checkpoints": None,
        "prefill_tokens_sweep": ",".join(map(str, LEVELS)),
        "prefill_source": "traces.jsonl",
        "problems": "problems.jsonl",
        "num_attempts": ATTEMPTS,
        "max_tokens": 12,
        "instructions": "Write it.",
        "dtype": "float32",
        "threshold": 3,
        "bootstrap_resamples": 20,
        **changed,
    }
    (run_dir / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")


def make_environment(project: Path) -> dict[str, str]:
    """What a process of this installation sees."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PREFILL_DATA", "DAGSTER_HOME")}
    return {**kept, "PREFILL_PROJECT": str(project), "OMP_NUM_THREADS": "1"}
