import pandas as pd
import pytest

from prefill_assets.report.charts.time_to_threshold import draw_time_to_threshold
from prefill_assets.report.rendering import to_spec

COLUMNS = ["min_prefill", "exploitable", "at_threshold", "steps_to_threshold", "ever_reaches_threshold", "relapsed"]
STATES = [
    (30, True, False, 10, True, False),
    (30, True, False, 20, True, False),
    (100, True, False, 40, True, False),
    (100, True, False, 40, True, False),
    (None, False, False, 50, True, False),
    (30, True, False, None, False, False),
    (None, False, False, None, False, False),
    (100, True, False, None, True, True),
    (100, True, False, None, None, False),
    (None, None, None, None, None, None),
    (10, True, True, 0, True, False),
]


def draw(states, **options):
    rows = pd.DataFrame(states, columns=COLUMNS).convert_dtypes()
    rows = rows.assign(experiment="a", checkpoint=1, threshold=10, task_id=[f"t{i}" for i in range(len(rows))], exploit_type="x")
    return to_spec(draw_time_to_threshold(rows, "a", **options))


def find_points(spec):
    return next(rows for rows in spec["datasets"].values() if "outcome" in rows[0])


def test_rows_are_told_apart_by_what_becomes_of_them():
    counts = {}
    for row in find_points(draw(STATES)):
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + row["count"]
    assert counts == {"crosses later": 5, "never": 2, "fell back": 1, "unknown": 1}


def test_overlaps_are_counted():
    assert {(row["x"], row["y"], row["count"]) for row in find_points(draw(STATES)) if row["x"] == 100 and row["y"] == 40} == {
        (100, 40, 2)
    }


def test_the_line_is_least_squares_of_crossing_rows():
    """Means 65 and 27.5, covariance sum 1750, square sum 4900: slope 5/14, intercept 30/7; R2 = 625/675."""
    spec = draw(STATES)
    line = next(rows for rows in spec["datasets"].values() if set(rows[0]) == {"x", "y"})
    assert [(row["x"], row["y"]) for row in line] == [(30, pytest.approx(15)), (100, pytest.approx(40))]
    assert "R² = 0.926, p = 3.8e-02" in spec["title"]["subtitle"][2]
    assert "n = 4 crossing rows" in spec["title"]["subtitle"][2]


def test_rows_without_a_place_are_counted_in_words():
    spec = draw(STATES)
    assert spec["title"]["text"].endswith("(n = 9 rows)")
    assert "1 row with unknown min prefill left out" in spec["title"]["subtitle"][1]


def test_not_exploitable_may_be_given_a_number():
    spec = draw(STATES, not_exploitable_as=101)
    assert "n = 5 crossing rows" in spec["title"]["subtitle"][2]
    assert max(row["x"] for row in find_points(spec)) == 101


@pytest.mark.parametrize(
    ("states", "said"),
    [
        ([STATES[0], STATES[1]], "no fit: 2 of at least 3 rows"),
        ([STATES[0], STATES[1], STATES[1]], "no fit: an axis does not vary"),
        ([STATES[4]] * 3, "no fit: 0 of at least 3 rows"),
        ([STATES[5]], "no problem reached the threshold later (n = 0)"),
    ],
)
def test_without_a_line_it_says_why(states, said):
    assert said in draw(states)["title"]["subtitle"][2]


@pytest.mark.parametrize("state", [STATES[9], STATES[10]])
def test_nothing_before_the_threshold_is_an_empty_state(state):
    (rows,) = draw([state])["datasets"].values()
    assert "no row lies before the threshold" in rows[0]["reason"].replace("\n", " ")
