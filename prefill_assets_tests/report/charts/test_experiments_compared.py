import pandas as pd

from prefill_assets.report.charts.experiments_compared import draw_experiments_compared
from prefill_assets.report.rendering import to_spec


def test_a_line_an_experiment_with_its_n(tables):
    rates = pd.concat([tables["exploit_rates"], tables["exploit_rates"].assign(experiment="control", num_attempts=5)])
    spec = to_spec(draw_experiments_compared(rates, 10))
    domain = spec["layer"][0]["encoding"]["color"]["scale"]["domain"]
    assert domain[0] == "control (n = 35 verdicts)"
    assert domain[1].startswith("simulated-run (n = ")
    (rows,) = spec["datasets"].values()
    assert {row["prefill_level"] for row in rows} == {10}
    assert len(rows) == 14


def test_an_experiment_without_the_level_is_named(tables):
    rates = tables["exploit_rates"]
    other = rates[rates["prefill_level"] == 0].assign(experiment="unswept")
    subtitle = to_spec(draw_experiments_compared(pd.concat([rates, other]), 10))["title"]["subtitle"]
    assert subtitle[2] == "without a known verdict at this level: unswept"


def test_a_level_that_nobody_swept_names_those_there_are(tables):
    (rows,) = to_spec(draw_experiments_compared(tables["exploit_rates"], 7))["datasets"].values()
    assert "levels present: 0, 10, 30, 100" in rows[0]["reason"].replace("\n", " ")
