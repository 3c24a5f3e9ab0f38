import pandas as pd

from prefill_assets.report.charts.threshold_comparison import draw_threshold_comparison
from prefill_assets.report.rendering import to_spec

COLUMNS = ["reached", "first_reached", "token_threshold_checkpoint", "logprob_threshold_checkpoint", "logprob_minus_token_steps"]


def draw(*states):
    rows = pd.DataFrame(states, columns=COLUMNS).assign(experiment="a")
    return to_spec(draw_threshold_comparison(rows, "a", 10, -55.39))


def read_bars(spec):
    bars = next(rows for rows in spec["datasets"].values() if "problems" in rows[0])
    return {row["group"]: row["problems"] for row in bars}


def test_every_problem_is_in_one_bar():
    spec = draw(
        ("both", "token", 1, 10, 9),
        ("both", "token", 1, 10, 9),
        ("both", "logprob", 90, 10, -80),
        ("both", "same", 17, 17, 0),
        ("token_only", None, 10, None, None),
        ("logprob_only", None, None, 10, None),
        ("neither", None, None, None, None),
    )
    assert read_bars(spec) == {
        "token first": 2,
        "logprob first": 1,
        "same checkpoint": 1,
        "token only": 1,
        "logprob only": 1,
        "neither": 1,
    }
    assert spec["title"]["text"].endswith("(n = 7 problems)")
    assert spec["title"]["subtitle"][2] == "4 problems reached both; logprob minus token: −15.5 steps on average"


def test_the_scatter_has_the_same_axis_both_ways_and_its_diagonal():
    spec = draw(("both", "token", 1, 90, 89), ("both", "same", 17, 17, 0))
    diagonal, marks = spec["hconcat"][0]["layer"]
    assert marks["encoding"]["x"]["scale"] == marks["encoding"]["y"]["scale"]
    assert marks["encoding"]["x"]["axis"]["values"] == [1, 17, 90]
    corners = [tuple(row.values()) for row in spec["datasets"][diagonal["data"]["name"]]]
    assert corners == [(1, 1), (90, 90)]


def test_only_one_threshold_reached_keeps_the_bars():
    spec = draw(("token_only", None, 10, None, None))
    assert read_bars(spec)["token only"] == 1
    assert any("no problem reached both" in str(rows) for rows in spec["datasets"].values())


def test_neither_reached_is_an_empty_state():
    (rows,) = draw(("neither", None, None, None, None))["datasets"].values()
    assert rows[0]["reason"] == "no problem of 1 reached either threshold (n = 0)"
