import math

import pandas as pd
import pytest

from prefill_assets.report.drawing.rows import count_problems, select_rows


def test_unknown_numbers_become_nan_and_unknown_truths_none():
    rows = pd.DataFrame(
        {
            "experiment": ["a", "a", "b", "a"],
            "x": pd.array([1, None, 3, 4], dtype="Int32"),
            "y": [1.5, math.inf, 2.0, None],
            "flag": pd.array([True, None, False, False], dtype="boolean"),
            "name": ["p", None, "q", "r"],
        }
    )
    found = select_rows(rows, "a", ("x", "y"), ("flag",), ("name",))
    assert found["x"].tolist()[::2] == [1.0, 4.0]
    assert math.isnan(found["x"][1])
    assert found["y"].isna().tolist() == [False, True, True]
    assert found["flag"].tolist() == [True, None, False]
    assert found["name"].tolist() == ["p", None, "r"]
    assert len(select_rows(rows, None, ("x",))) == 4


@pytest.mark.parametrize("rows", [None, pd.DataFrame(), pd.DataFrame({"x": []})])
def test_no_rows_give_the_columns(rows):
    found = select_rows(rows, "a", ("x",), ("flag",), ("task_id", "exploit_type"))
    assert list(found.columns) == ["x", "flag", "task_id", "exploit_type"]
    assert found.empty
    assert count_problems(found) == 0


def test_a_missing_column_is_the_wrong_table():
    with pytest.raises(KeyError, match="min_prefill"):
        select_rows(pd.DataFrame({"checkpoint": [1]}), None, ("min_prefill",))
