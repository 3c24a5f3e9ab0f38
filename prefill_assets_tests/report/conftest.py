"""A small simulated run as the analysis computes it, and ways to spoil its tables."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace

import pytest

EXPERIMENT = "simulated-run"
CHECKPOINTS = (1, 10, 17, 27, 35, 56, 90)
LEVELS = (0, 10, 30, 100)


@pytest.fixture(scope="session")
def tables():
    """The five tables of a page, of 16 problems over 7 checkpoints and 4 levels, 3 attempts each; some verdicts are missing."""
    import duckdb

    from prefill_assets.analysis.comparison import (
        compute_predictor_comparison,
        compute_threshold_comparison,
        compute_trajectory_with_logprob,
    )
    from prefill_assets.analysis.rules import Rules
    from prefill_assets.analysis.trajectories import compute_trajectory, compute_trajectory_analysis
    from prefill_assets.sources.settings import Settings
    from prefill_assets.warehouse.catalog import read_view
    from prefill_assets.warehouse.table import find_table

    connection = duckdb.connect()
    rules = Rules.from_settings(Settings(bootstrap_resamples=50), LEVELS)
    evals, logprobs = simulate_run()
    found = {"eval_results": evals, "prefill_logprobs": logprobs}
    computed = {
        "trajectory": lambda: compute_trajectory(connection, EXPERIMENT, LEVELS),
        "trajectory_analysis": lambda: compute_trajectory_analysis(connection, EXPERIMENT, rules),
        "trajectory_with_logprob": lambda: compute_trajectory_with_logprob(connection, EXPERIMENT, rules),
        "predictor_comparison": lambda: compute_predictor_comparison(connection, EXPERIMENT, rules),
        "threshold_comparison": lambda: compute_threshold_comparison(connection, EXPERIMENT),
    }
    for name in (*found, *computed):
        connection.execute(find_table(name).create_sql)
        connection.register("given", found[name] if name in found else computed[name]().df())
        connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM given")
    page = {name: connection.execute(f"SELECT * FROM {name}").df() for name in computed if name != "trajectory"}
    connection.execute(read_view("exploit_rates", Path("/nowhere"))[1])
    return {"exploit_rates": connection.sql("FROM exploit_rates ORDER BY ALL").df(), **page}


def simulate_run():
    """Rows of eval_results and prefill_logprobs: exploits grow likelier with the level and over training."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(7)
    evals, logprobs = [], []
    for problem in range(16):
        hardness = random.normal(0, 1.2)
        for place, checkpoint in enumerate(CHECKPOINTS):
            for level in LEVELS:
                key = (EXPERIMENT, checkpoint, level, f"problem_{problem:02}", "type_confusion")
                chance = 1 / (1 + math.exp(3.2 + hardness - 0.45 * place - 0.03 * level))
                for attempt in range(3):
                    evals.append((*key, attempt, None if random.random() < 0.03 else bool(random.random() < chance)))
                if level:
                    logprobs.append((*key, 0, -(2.4 - 0.2 * place) * (level + 10) + random.normal(0, 4)))
    names = ["experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "attempt_idx"]
    evals = pd.DataFrame(evals, columns=[*names, "exploit_success"]).astype({"exploit_success": "boolean"})
    return evals, pd.DataFrame(logprobs, columns=[*names, "prefill_logprob_sum"])


@pytest.fixture(scope="session")
def pictures(tables):
    """The PNG of every chart, by name."""
    from prefill_assets.report.rendering import to_png

    from .charts.drawings import DRAWINGS

    return {name: to_png(draw(tables, EXPERIMENT)) for name, draw in DRAWINGS.items()}


KEYS = {"experiment", "checkpoint", "prefill_level", "task_id", "exploit_type", "exploit_scope", "predictor", "reached"}


@pytest.fixture(scope="session")
def spoiled(tables):
    """The tables with: no rows, no rows and no columns, every nullable column NULL, one row, and another experiment's rows."""
    import pandas as pd

    def blank(rows):
        blanked = rows.copy()
        for name in set(rows.columns) - KEYS:
            blanked[name] = pd.Series([None] * len(rows), dtype="object" if name != "accessibility" else "float64")
        return blanked.assign(reached="neither") if "reached" in rows else blanked

    return SimpleNamespace(
        empty={name: rows.head(0) for name, rows in tables.items()},
        absent={name: pd.DataFrame() for name in tables},
        null={name: blank(rows) for name, rows in tables.items()},
        single={name: rows.head(1) for name, rows in tables.items()},
        foreign={name: rows.assign(experiment="another") for name, rows in tables.items()},
    )
