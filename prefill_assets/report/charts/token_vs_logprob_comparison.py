"""Which indicator tells the steps to the threshold better: prefill length, or its log P."""

from __future__ import annotations

from typing import Any

from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.fits import draw_fit
from prefill_assets.report.drawing.points import count_overlaps, size_by_count
from prefill_assets.report.drawing.rows import Column, Rows, select_rows
from prefill_assets.report.drawing.style import BLUE, GREEN, VERMILION, finish_chart
from prefill_assets.report.numerals import is_known, write_count, write_counted, write_interval, write_number, write_p_value

TOKEN, LOGPROB, FIXED = "min_prefill", "min_prefill_logprob_sum", "fixed_level_logprob_sum"
COLORS = {TOKEN: BLUE, LOGPROB: VERMILION, FIXED: GREEN}
FIT_COLUMNS = ("num_rows", "num_problems", "r2", "r2_low", "r2_high", "p_value", "slope", "intercept")
SIDE, HEIGHT = 250, 270


def draw_token_vs_logprob_comparison(
    trajectory_with_logprob: Rows, predictor_comparison: Rows, experiment: str, exploit_scope: str = "all"
) -> Any:
    """Steps to the threshold against each predictor, side by side, with the line and the R2 of predictor_comparison.

    The points are the rows of the fit; pass the rows of `exploit_scope` alone where that is not "all". Intervals are of
    the bootstrap over problems; p takes the rows as independent and is too small.
    """
    import altair as alt
    import pandas as pd

    title = "Predicting steps to the threshold"
    numbers = ("steps_to_threshold", "fixed_prefill_level", *COLORS)
    rows = select_rows(trajectory_with_logprob, experiment, numbers, ("at_threshold",))
    every = select_rows(predictor_comparison, experiment, FIT_COLUMNS, texts=("exploit_scope", "predictor"))
    fits = every[every["exploit_scope"] == exploit_scope].drop_duplicates("predictor").set_index("predictor")
    before = rows[rows["steps_to_threshold"].notna() & rows["at_threshold"].map(lambda truth: truth is False)]
    points = {name: select_fit_rows(before, name) for name in COLORS}
    if all(drawn.empty for drawn in points.values()):
        return draw_empty_state(title, experiment, f"{_explain_no_rows(rows, before)} (n = 0): nothing to compare")
    steps = alt.Scale(domain=[0, 1.06 * float(before["steps_to_threshold"].max())], nice=False)
    level = rows["fixed_prefill_level"].dropna()
    axes = {
        TOKEN: "current min prefill (words)",
        LOGPROB: "log P of prefill at min prefill, sum (nats)",
        FIXED: f"log P of {write_count(level.iloc[0]) if len(level) else 'fixed'}-word prefill, sum (nats)",
    }
    shown = [name for name in COLORS if name != FIXED or not points[FIXED].empty]
    counted = {name: count_overlaps(points[name], name, "steps_to_threshold") for name in shown}
    size = size_by_count(pd.concat([one["count"] for one in counted.values()]), legend_at="bottom", largest=260)
    panels = [
        _draw_panel(points[name], counted[name], name, axes[name], steps, size, fits.loc[name] if name in fits.index else None)
        for name in shown
    ]
    problems = fits["num_problems"].max() if len(fits) else None
    n = f"n = {write_counted(len(points[TOKEN]), 'row')} of {write_counted(problems, 'problem')}"
    scope = "all exploit types" if exploit_scope == "all" else f"{exploit_scope} exploit types"
    notes = [
        f"{scope}; least squares over rows before the threshold; problems that never reach it are not in it",
        "brackets: 95 % bootstrap over problems; p takes the rows as independent and is too small",
    ]
    return finish_chart(alt.hconcat(*panels, spacing=26), f"{title} ({n})", experiment, notes)


def select_fit_rows(before: Rows, predictor: str) -> Rows:
    """Of the rows before the threshold, those in the fit of `predictor`: both main predictors known, and this one."""
    return before.dropna(subset=list(dict.fromkeys((TOKEN, LOGPROB, predictor))))


def _explain_no_rows(rows: Rows, before: Rows) -> str:
    if rows.empty:
        return "no prefill was compared with its log P"
    if len(before):
        return "before the threshold, no row has both predictors known"
    ever = rows["at_threshold"].map(lambda truth: truth is True).any()
    return "no problem crosses the threshold after its first checkpoint" if ever else "no problem reached the threshold"


def _draw_panel(rows: Rows, counted: Rows, predictor: str, axis_title: str, steps: Any, size: Any, fit: Column | None) -> Any:
    import altair as alt

    ticks: dict[str, Any] = {"values": sorted(rows[predictor].unique().tolist())} if predictor == TOKEN else {"tickCount": 4}
    axis = alt.Axis(title=axis_title, labelOverlap="greedy", labelSeparation=4, grid=False, **ticks)
    steps_title = "training steps to the threshold" if predictor == TOKEN else None
    base = alt.Chart(counted).mark_point(filled=True, color=COLORS[predictor], opacity=0.6, stroke="white", strokeWidth=0.5)
    marks = base.encode(
        x=alt.X(f"{predictor}:Q", axis=axis, scale=alt.Scale(zero=False, nice=predictor != TOKEN, padding=18)),
        y=alt.Y("steps_to_threshold:Q", scale=steps, axis=alt.Axis(title=steps_title, tickCount=6)),
        size=size,
        tooltip=[alt.Tooltip(f"{predictor}:Q", format=",.4~g"), alt.Tooltip("steps_to_threshold:Q", format=",.4~g"), "count"],
    )
    layers = [marks]
    if fit is not None and is_known(fit["slope"]) and is_known(fit["intercept"]) and len(rows):
        low, high = float(rows[predictor].min()), float(rows[predictor].max())
        layers.append(draw_fit(predictor, "steps_to_threshold", fit["slope"], fit["intercept"], low, high))
    panel = alt.TitleParams(
        text=_write_heading(rows, fit), fontSize=13.5, fontWeight="normal", anchor="start", lineHeight=17, offset=8
    )
    return alt.layer(*layers).properties(width=SIDE, height=HEIGHT, title=panel)


def _write_heading(rows: Rows, fit: Column | None) -> list[str]:
    if fit is None:
        return ["R² unknown", "no fit in predictor_comparison", f"{write_counted(len(rows), 'row')} drawn"]
    r2 = (
        f"R² = {write_number(fit['r2'])} {write_interval(fit['r2_low'], fit['r2_high'])}"
        if is_known(fit["r2"])
        else "R² undefined"
    )
    n = f"n = {write_counted(fit['num_rows'], 'row')} of {write_counted(fit['num_problems'], 'problem')}"
    drawn = "" if fit["num_rows"] == len(rows) else f" ({write_count(len(rows))} drawn)"
    return [r2, write_p_value(fit["p_value"]), f"{n}{drawn}"]
