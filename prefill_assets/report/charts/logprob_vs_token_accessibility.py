"""Whether a prefill that looks natural to the model is also one that works."""

from __future__ import annotations

from typing import Any

from prefill_assets.analysis.statistics import fit_line
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.fits import explain_no_fit
from prefill_assets.report.drawing.points import count_overlaps, size_by_count
from prefill_assets.report.drawing.rows import Rows, count_problems, select_rows
from prefill_assets.report.drawing.style import BLUE, finish_chart
from prefill_assets.report.numerals import write_counted, write_number, write_p_value

SIDE = 400


def draw_logprob_vs_token_accessibility(trajectory_with_logprob: Rows, experiment: str) -> Any:
    """accessibility_logprob against accessibility, both 0 to 1, one row a (problem, checkpoint), with Pearson's r."""
    title = "Accessibility by log P and by prefill length"
    numbers = ("accessibility", "accessibility_logprob")
    every = select_rows(trajectory_with_logprob, experiment, numbers, texts=("task_id", "exploit_type"))
    rows = every.dropna(subset=list(numbers))
    if rows.empty:
        why = f"{write_counted(len(every), 'row')}, in none of which both are known" if len(every) else "no row at all"
        return draw_empty_state(title, experiment, f"nothing to correlate (n = 0): {why}")
    fit = fit_line(rows["accessibility"].to_numpy(), rows["accessibility_logprob"].to_numpy())
    result = (
        f"Pearson r = {write_number(fit.r)}, {write_p_value(fit.p_value)} (rows taken as independent)"
        if fit.r is not None
        else explain_no_fit(len(rows), "correlation")
    )
    left_out = f"; {write_counted(len(every) - len(rows), 'row')} with either unknown left out" if len(every) > len(rows) else ""
    notes = [result, f"{write_counted(count_problems(rows), 'problem')}{left_out}"]
    return finish_chart(_draw_points(rows), f"{title} (n = {write_counted(len(rows), 'row')})", experiment, notes)


def _draw_points(rows: Rows) -> Any:
    import altair as alt

    points = count_overlaps(rows, "accessibility", "accessibility_logprob")
    low = min(0.0, float(rows.min(numeric_only=True).min()))
    high = max(1.0, float(rows.max(numeric_only=True).max()))
    scale = alt.Scale(domain=[low, high], nice=False, padding=16)
    axes = [
        alt.Axis(title=text, values=[0, 0.2, 0.4, 0.6, 0.8, 1], format=".1f")
        for text in (
            "token accessibility (1: at the threshold, 0: not exploitable)",
            "log P accessibility (1: the problem's highest sum, 0: its lowest)",
        )
    ]
    marks = alt.Chart(points).mark_point(filled=True, color=BLUE, opacity=0.6, stroke="white", strokeWidth=0.6)
    return marks.encode(
        x=alt.X("accessibility:Q", scale=scale, axis=axes[0]),
        y=alt.Y("accessibility_logprob:Q", scale=scale, axis=axes[1]),
        size=size_by_count(points["count"]),
        tooltip=[alt.Tooltip("accessibility:Q", format=".3f"), alt.Tooltip("accessibility_logprob:Q", format=".3f"), "count"],
    ).properties(width=SIDE, height=SIDE)
