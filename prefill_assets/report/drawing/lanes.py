"""A numeric axis that also has lanes: places for rows whose value is no number, such as "never"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from prefill_assets.report.drawing.style import GREY


def choose_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """At most `most` round numbers from low to high, both non-negative; a lane above gets none of them."""
    if high <= low:
        return [low]
    rough = (high - low) / (most - 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10, 20) if power * factor >= rough)
    first = math.ceil(low / step)
    return [step * i for i in range(first, math.floor(high / step) + 1)]


def label_lanes(lanes: Mapping[float, Sequence[str]]) -> str:
    """A Vega label expression: the lane's words (one a line) at its place, the number elsewhere."""
    text = "format(datum.value, ',~g')"
    for place, words in lanes.items():
        text = f"abs(datum.value - {place!r}) < 1e-6 ? {list(words)!r} : {text}"
    return text


def draw_lane_edge(place: float, axis: str) -> Any:
    """A dashed line across the panel, before the lanes of `axis` ("x" or "y")."""
    import altair as alt
    import pandas as pd

    edge = alt.Chart(pd.DataFrame({axis: [place]})).mark_rule(color=GREY, strokeDash=[4, 3], strokeWidth=1)
    return edge.encode(**{axis: f"{axis}:Q"})
