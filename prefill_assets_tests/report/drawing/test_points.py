import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from prefill_assets.report.drawing.points import count_overlaps, size_by_count

POINTS = st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3), st.sampled_from("ab")), min_size=1, max_size=60)


@settings(max_examples=40, deadline=None)
@given(POINTS)
def test_every_point_is_counted_once_and_stays_near(points):
    rows = pd.DataFrame(points, columns=["x", "y", "kind"])
    counted = count_overlaps(rows, "x", "y", ("kind",))
    assert counted["count"].sum() == len(rows)
    assert counted.groupby("kind")["count"].sum().to_dict() == rows["kind"].value_counts().to_dict()
    for name in ("x", "y"):
        assert counted[name].between(rows[name].min() - 1e-9, rows[name].max() + 1e-9).all()


def test_a_point_alone_keeps_its_place():
    rows = pd.DataFrame({"x": [0.0, 0.123456, 1.0, 1.0], "y": [0.0, 0.654321, 1.0, 1.0]})
    counted = count_overlaps(rows, "x", "y")
    assert counted.to_dict("list") == {"x": [0.0, 0.123456, 1.0], "y": [0.0, 0.654321, 1.0], "count": [1, 1, 2]}


def test_size_has_no_legend_where_nothing_overlaps():
    assert size_by_count(pd.Series([1, 1])) == {"value": 60}
    assert size_by_count(pd.Series([], dtype=int)) == {"value": 60}
    assert size_by_count(pd.Series([1, 9])).to_dict()["legend"]["values"] == [1, 3, 9]
