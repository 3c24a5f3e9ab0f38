"""Which threshold a problem reaches first: the token one or the logprob one."""

from __future__ import annotations

from typing import Any

from prefill_assets.report.drawing.checkpoint_axis import mark_checkpoints, scale_checkpoints
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.points import count_overlaps, size_by_count
from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.drawing.style import BLUE, GREEN, GREY, VERMILION, finish_chart
from prefill_assets.report.numerals import write_count, write_counted, write_number

SIDE, BAR_WIDTH, BAR_STEP = 320, 240, 38
TOKEN_FIRST, LOGPROB_FIRST, SAME = "token first", "logprob first", "same checkpoint"
COLORS = {
    TOKEN_FIRST: BLUE, LOGPROB_FIRST: VERMILION, SAME: GREEN, "token only": BLUE, "logprob only": VERMILION, "neither": GREY,
}  # fmt: skip
SHAPES = {TOKEN_FIRST: "circle", LOGPROB_FIRST: "square", SAME: "diamond"}
FIRST = {"token": TOKEN_FIRST, "logprob": LOGPROB_FIRST, "same": SAME}


def draw_threshold_comparison(
    comparison: Rows, experiment: str, threshold_words: float | None = None, threshold_nats: float | None = None
) -> Any:
    """First checkpoint at either threshold, for problems that reach both, and how many problems reach which.

    `comparison` has rows of threshold_comparison; the thresholds, where given, are written in the subtitle.
    """
    import altair as alt

    title = "First checkpoint at each threshold"
    numbers = ("token_threshold_checkpoint", "logprob_threshold_checkpoint", "logprob_minus_token_steps")
    rows = select_rows(comparison, experiment, numbers, texts=("reached", "first_reached"))
    if rows.empty:
        return draw_empty_state(title, experiment, "no problem was compared (n = 0)")
    if (rows["reached"] == "neither").all():
        reason = f"no problem of {write_count(len(rows))} reached either threshold (n = 0)"
        return draw_empty_state(title, experiment, reason)
    group = rows["reached"].str.replace("_", " ")
    rows = rows.assign(group=group.mask(rows["reached"] == "both", rows["first_reached"].map(FIRST)))
    both = rows[rows["reached"] == "both"].dropna(subset=list(numbers[:2]))
    difference = both["logprob_minus_token_steps"].mean()
    notes = [
        f"token threshold: min prefill ≤ {write_count(threshold_words)} words; "
        f"logprob threshold: sum of log P ≥ {write_number(threshold_nats, 2)} nats",
        f"{write_counted(len(both), 'problem')} reached both"
        + (f"; logprob minus token: {write_number(difference, 1)} steps on average" if len(both) else ""),
    ]
    panels = alt.hconcat(_draw_first_checkpoints(both), _draw_counts(rows), spacing=36).resolve_scale(
        color="independent", size="independent", shape="independent"
    )
    return finish_chart(panels, f"{title} (n = {write_counted(len(rows), 'problem')})", experiment, notes)


def _draw_first_checkpoints(both: Rows) -> Any:
    import altair as alt
    import pandas as pd

    if both.empty:
        note = alt.Chart(pd.DataFrame({"text": ["no problem reached both\nthresholds (n = 0)"]}))
        return (
            note.mark_text(fontSize=14, color=GREY, lineBreak="\n", lineHeight=20)
            .encode(text="text:N", x=alt.value(SIDE / 2), y=alt.value(SIDE / 2))
            .properties(width=SIDE, height=SIDE, view=alt.ViewConfig(stroke="#BDBDBD", strokeDash=[4, 4]))
        )
    x, y = "token_threshold_checkpoint", "logprob_threshold_checkpoint"
    steps = sorted(set(both[x]) | set(both[y]))
    points = count_overlaps(both, x, y, ("group",))
    scale = scale_checkpoints(steps)
    base = alt.Chart(points).encode(
        x=alt.X(f"{x}:Q", scale=scale, axis=mark_checkpoints(steps, "first at token threshold (training step)")),
        y=alt.Y(f"{y}:Q", scale=scale, axis=mark_checkpoints(steps, "first at logprob threshold (training step)")),
    )
    names = list(SHAPES)
    colors = alt.Scale(domain=names, range=[COLORS[name] for name in names])
    marks = base.mark_point(filled=True, opacity=0.8, stroke="white", strokeWidth=0.6).encode(
        size=size_by_count(points["count"], "problems"),
        color=alt.Color("group:N", scale=colors, legend=None),
        shape=alt.Shape("group:N", scale=alt.Scale(domain=names, range=list(SHAPES.values())), legend=None),
        tooltip=[x, y, "group", "count"],
    )
    corners = pd.DataFrame({x: scale.domain, y: scale.domain})
    diagonal = alt.Chart(corners).mark_line(color=GREY, strokeDash=[5, 4], strokeWidth=1.2).encode(x=f"{x}:Q", y=f"{y}:Q")
    return alt.layer(diagonal, marks).properties(width=SIDE, height=SIDE)


def _draw_counts(rows: Rows) -> Any:
    import altair as alt
    import pandas as pd

    names = list(COLORS)
    problems = [int((rows["group"] == name).sum()) for name in names]
    counts, most = pd.DataFrame({"group": names, "problems": problems}), max(problems)
    base = alt.Chart(counts).encode(
        y=alt.Y("group:N", sort=names, axis=alt.Axis(title=None, labelFontSize=13, ticks=False, domain=False, labelPadding=8)),
        x=alt.X(
            "problems:Q", scale=alt.Scale(domain=[0, max(most * 1.15, 1)], nice=False),
            axis=alt.Axis(title="problems", tickMinStep=1, tickCount=5, format=",d"),
        ),
    )  # fmt: skip
    colors = alt.Scale(domain=names, range=[COLORS[name] for name in names])
    bars = base.mark_bar(height=22).encode(color=alt.Color("group:N", scale=colors, legend=None))
    labels = base.mark_text(align="left", dx=5, fontSize=13).encode(text=alt.Text("problems:Q", format=",d"))
    return alt.layer(bars, labels).properties(width=BAR_WIDTH, height=alt.Step(BAR_STEP))
