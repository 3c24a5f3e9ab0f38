"""Rows of a table as a chart can use them: of one experiment, with unknown numbers as NaN and unknown truths as None."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Rows = Any
"""A pandas DataFrame, or None for no rows. Its own annotations are unions that no checker can follow, so none is asked to."""
Column = Any
"""A pandas Series."""


def select_rows(
    rows: Rows, experiment: str | None = None, numbers: Sequence[str] = (), truths: Sequence[str] = (),
    texts: Sequence[str] = (),
) -> Rows:  # fmt: skip
    """The named columns of `experiment`'s rows (of every experiment's where it is None), in their order.

    Numbers become float with NaN where unknown or infinite, truths True, False or None, texts str or None. None, or no rows at
    all, give an empty frame with these columns. A column that rows lack is a KeyError: the caller read the wrong table.
    """
    import numpy as np
    import pandas as pd

    if rows is None or rows.empty:
        return pd.DataFrame(
            {name: pd.Series(dtype="float64" if name in numbers else "object") for name in (*numbers, *truths, *texts)}
        )
    if experiment is not None and "experiment" in rows:
        rows = rows[rows["experiment"] == experiment]
    columns: dict[str, Column] = {}
    for name in numbers:
        column: Column = pd.to_numeric(rows[name], errors="coerce")
        values = column.astype("Float64").to_numpy(dtype="float64", na_value=np.nan)
        columns[name] = pd.Series(np.where(np.isfinite(values), values, np.nan))
    for names, as_type in ((truths, bool), (texts, str)):
        for name in names:
            known = rows[name].notna().tolist()
            values = [as_type(value) if is_known else None for value, is_known in zip(rows[name].tolist(), known, strict=True)]
            columns[name] = pd.Series(values, dtype="object")
    return pd.DataFrame(columns)


def count_problems(rows: Rows) -> int:
    """Distinct (task_id, exploit_type) pairs."""
    return 0 if rows is None or len(rows) == 0 else len(rows[["task_id", "exploit_type"]].drop_duplicates())
