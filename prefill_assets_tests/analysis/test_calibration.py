from __future__ import annotations

import math

from prefill_assets.analysis.calibration import Calibration, calibrate
from prefill_assets_tests.analysis.tables import EXPERIMENT, fill, score


def test_every_problem_counts_once(connection) -> None:
    rows = [score(90, 10, total, attempt=i) for i, total in enumerate((-50.0, -54.0, math.nan, None, -math.inf))]
    rows += [score(90, 10, -1.0, attempt=9, error="CUDA out of memory"), score(90, 10, -40.0, kind="other")]
    rows += [score(90, 30, -1.0), score(56, 10, -1.0), score(90, 10, -1.0, experiment="other")]
    fill(connection, [], rows)
    assert calibrate(connection, EXPERIMENT, 10, 90) == Calibration(10, 90, -46.0, math.sqrt(72), 2, 3)


def test_nothing_scored_is_unknown(connection) -> None:
    assert calibrate(connection, EXPERIMENT, 10, 90) == Calibration(10, 90, None, None, 0, 0)
