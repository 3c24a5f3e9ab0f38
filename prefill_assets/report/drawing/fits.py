"""A fitted line over a scatter, and what to say where there is none."""

from __future__ import annotations

from typing import Any

from prefill_assets.analysis.statistics import MIN_ROWS


def draw_fit(x: str, y: str, slope: float, intercept: float, low: float, high: float) -> Any:
    """The line y = intercept + slope * x from low to high, on the scales of the layer it joins."""
    import altair as alt
    import pandas as pd

    ends = pd.DataFrame({x: [low, high], y: [intercept + slope * end for end in (low, high)]})
    return alt.Chart(ends).mark_line(color="black", strokeWidth=2, clip=True).encode(x=alt.X(f"{x}:Q"), y=alt.Y(f"{y}:Q"))


def explain_no_fit(num_rows: int, what: str = "fit") -> str:
    """Why a fit over this many rows is undefined."""
    return f"no {what}: {num_rows} of at least {MIN_ROWS} rows" if num_rows < MIN_ROWS else f"no {what}: an axis does not vary"
