"""The chart that stands where there is nothing to draw, and says why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prefill_assets.report.drawing.style import GREY, PANEL_WIDTH, finish_chart

LONGEST_LINE = 62


def draw_empty_state(title: str, experiments: str | Sequence[str], reason: str) -> Any:
    """A titled, empty frame with `reason` in it, such as "no problem reached the threshold (n = 0)"."""
    import altair as alt
    import pandas as pd

    frame = alt.Chart(pd.DataFrame({"reason": [_wrap(reason)]}))
    text = frame.mark_text(fontSize=16, color=GREY, lineBreak="\n", lineHeight=22, align="center", baseline="middle").encode(
        text="reason:N", x=alt.value(PANEL_WIDTH / 2), y=alt.value(90)
    )
    panel = text.properties(width=PANEL_WIDTH, height=180, view=alt.ViewConfig(stroke="#BDBDBD", strokeDash=[4, 4]))
    return finish_chart(panel, title, experiments)


def _wrap(text: str) -> str:
    """At most six lines; "n = 0" stays on one."""
    import textwrap

    lines = textwrap.wrap(text.replace(" = ", "\u00a0=\u00a0"), LONGEST_LINE)
    return "\n".join(lines[:6]).replace("\u00a0", " ")
