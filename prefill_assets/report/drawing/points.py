"""Points that would hide each other, drawn once with their count."""

from __future__ import annotations

from typing import Any, Literal

from prefill_assets.report.drawing.rows import Column, Rows

CELLS = 70
"""Cells along each axis; at our panel sizes one is about as wide as the smallest mark."""


def count_overlaps(rows: Rows, x: str, y: str, by: tuple[str, ...] = ()) -> Rows:
    """One row a cell of a fine grid: mean x, mean y, and `count`. A point alone in its cell keeps its exact place.

    `rows` must have no missing x or y. Points of different `by` values never share a cell.
    """
    import pandas as pd

    keys = {name: rows[name] for name in by}
    for name in (x, y):
        low, span = rows[name].min(), rows[name].max() - rows[name].min()
        keys[f"cell of {name}"] = ((rows[name] - low) / span * CELLS).round() if span > 0 else pd.Series(0.0, index=rows.index)
    grouped = rows.groupby([column.rename(name) for name, column in keys.items()], sort=True, dropna=False)
    counted = grouped.agg(**{x: (x, "mean"), y: (y, "mean"), "count": (x, "size")}).reset_index()
    return counted[[*by, x, y, "count"]]


def size_by_count(
    counts: Column, noun: str = "rows at the point", legend_at: Literal["right", "bottom"] = "right", largest: int = 560
) -> Any:
    """A size channel whose area grows linearly with the count; without a legend where every count is 1."""
    import altair as alt

    most = int(counts.max()) if len(counts) else 1
    if most <= 1:
        return alt.value(60)
    smallest, largest = (45, min(largest, 45 * most)) if most < 30 else (24, largest)
    ticks = sorted({1, max(1, round(most / 3)), most})
    legend = alt.Legend(
        title=noun, values=ticks, symbolFillColor="#9A9A9A", symbolOpacity=1, symbolType="circle", format=",d", orient=legend_at
    )
    return alt.Size("count:Q", scale=alt.Scale(domain=[1, most], range=[smallest, largest]), legend=legend)
