import pandas as pd
import pytest

from prefill_assets.report.charts.accessibility_distribution import count_min_prefills, draw_accessibility_distribution
from prefill_assets.report.drawing.rows import select_rows
from prefill_assets.report.rendering import to_spec


def rows_of(*states):
    """One problem a (checkpoint, min_prefill, exploitable)."""
    return pd.DataFrame(
        [("a", checkpoint, words, truth, f"t{i}", "x") for i, (checkpoint, words, truth) in enumerate(states)],
        columns=["experiment", "checkpoint", "min_prefill", "exploitable", "task_id", "exploit_type"],
    )


STATES = rows_of((1, 10, True), (1, 100, True), (1, None, False), (1, None, None), (9, 0, True), (9, None, True))


def test_shares_are_stacked_from_the_shortest_prefill():
    counts = count_min_prefills(select_rows(STATES, "a", ("checkpoint", "min_prefill"), ("exploitable",)))
    assert counts[["checkpoint", "min_prefill", "count", "below", "above"]].values.tolist() == [
        [1, "10", 1, 0, 0.25],
        [1, "100", 1, 0.25, 0.5],
        [1, "not exploitable", 1, 0.5, 0.75],
        [1, "unknown", 1, 0.75, 1],
        [9, "0", 1, 0, 0.5],
        [9, "unknown", 1, 0.5, 1],
    ]


def test_levels_are_in_numeric_order_and_words_last():
    scale = to_spec(draw_accessibility_distribution(STATES, "a"))["layer"][0]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["0", "10", "100", "not exploitable", "unknown"]
    assert len(set(scale["range"])) == 5


def test_nothing_exploitable_is_still_a_chart():
    spec = to_spec(draw_accessibility_distribution(rows_of((1, None, False)), "a"))
    assert spec["title"]["text"].endswith("(n = 1 problem)")


@pytest.mark.parametrize(("count", "layers"), [(12, 2), (13, 1)])
def test_many_checkpoints_have_no_numbers_in_the_bars(count, layers):
    spec = to_spec(draw_accessibility_distribution(rows_of(*((step, 10, True) for step in range(count))), "a"))
    assert len(spec["layer"]) == layers
    assert ("numbers in the bars" in spec["title"]["subtitle"][1]) == (layers == 2)
