"""Whether a problem that takes little prefill now crosses the threshold soon."""

from __future__ import annotations

from typing import Any

from prefill_assets.analysis.statistics import LineFit, fit_line
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.fits import draw_fit, explain_no_fit
from prefill_assets.report.drawing.lanes import choose_ticks, draw_lane_edge, label_lanes
from prefill_assets.report.drawing.points import count_overlaps, size_by_count
from prefill_assets.report.drawing.rows import Column, Rows, count_problems, select_rows
from prefill_assets.report.drawing.style import BLUE, GREEN, ORANGE, PANEL_HEIGHT, PANEL_WIDTH, VERMILION, finish_chart
from prefill_assets.report.numerals import write_count, write_counted, write_number, write_p_value

LATER, NEVER, FELL_BACK, UNKNOWN = "crosses later", "never", "fell back", "unknown"
OUTCOMES = {LATER: (BLUE, "circle"), NEVER: (VERMILION, "triangle-up"), FELL_BACK: (ORANGE, "diamond"), UNKNOWN: (GREEN, "cross")}
LANES = (FELL_BACK, UNKNOWN, NEVER)
LANE_HEIGHT = 0.11
"""As a share of the numeric part of the panel."""


def draw_time_to_threshold(trajectory_analysis: Rows, experiment: str, not_exploitable_as: int | None = None) -> Any:
    """Current min prefill against the training steps until the threshold, for rows not at it, with a pooled line.

    Rows that never cross (or fell back, or are unknown) stand on lanes above, rows that no tested level exploits on a lane
    to the right; neither has a number to fit, so the line is of the crossing rows alone. `not_exploitable_as` gives the
    latter a number of words (max_prefill + 1 under the reference rules), and they enter the fit.
    """
    title = "Min prefill now and steps to the threshold"
    every = _read_rows(trajectory_analysis, experiment, not_exploitable_as)
    if every.empty:
        return draw_empty_state(title, experiment, "no problem was evaluated (n = 0)")
    rows, unplaced = _classify_rows(every)
    left_out = f"; {write_counted(unplaced, 'row')} with unknown min prefill left out" if unplaced else ""
    if rows.empty:
        return draw_empty_state(title, experiment, f"no row lies before the threshold with a known min prefill (n = 0{left_out})")
    crossing = rows[(rows["outcome"] == LATER) & rows["min_prefill"].notna()]
    fit = fit_line(crossing["min_prefill"].to_numpy(), crossing["steps_to_threshold"].to_numpy())
    threshold = every["threshold"].dropna()
    rule = f"threshold: min prefill ≤ {write_count(threshold.iloc[0])} words" if len(threshold) else "threshold unknown"
    drawn_as = f"; not exploitable taken as {not_exploitable_as} words" if not_exploitable_as is not None else ""
    notes = [
        f"{rule}; {write_counted(count_problems(rows), 'problem')}{left_out}{drawn_as}",
        f"least squares: {_describe_fit(fit, bool((rows['outcome'] == LATER).any()))}",
    ]
    return finish_chart(_draw_lanes(rows, fit), f"{title} (n = {write_counted(len(rows), 'row')})", experiment, notes)


def _read_rows(trajectory_analysis: Rows, experiment: str, not_exploitable_as: int | None) -> Rows:
    numbers = ("checkpoint", "min_prefill", "steps_to_threshold", "threshold")
    truths = ("exploitable", "at_threshold", "ever_reaches_threshold", "relapsed")
    rows = select_rows(trajectory_analysis, experiment, numbers, truths, ("task_id", "exploit_type"))
    if not_exploitable_as is not None:
        rows["min_prefill"] = rows["min_prefill"].mask(_is(rows["exploitable"], False), float(not_exploitable_as))
    return rows


def _classify_rows(every: Rows) -> tuple[Rows, int]:
    """Rows before the threshold with their outcome; and how many have no place on the x axis."""
    rows = every[~_is(every["at_threshold"], True) & (every["steps_to_threshold"] != 0)].copy()
    outcome = rows["steps_to_threshold"].notna().map({True: LATER, False: UNKNOWN})
    outcome = outcome.mask((outcome == UNKNOWN) & _is(rows["ever_reaches_threshold"], False), NEVER)
    rows["outcome"] = outcome.mask((outcome == UNKNOWN) & _is(rows["relapsed"], True), FELL_BACK)
    placed = rows["min_prefill"].notna() | _is(rows["exploitable"], False)
    return rows[placed].reset_index(drop=True), int((~placed).sum())


def _is(truths: Column, wanted: bool) -> Column:
    """Where a three-valued column is known to be `wanted`."""
    return truths.map(lambda truth: truth is wanted).astype(bool)


def _describe_fit(fit: LineFit, any_crossing: bool) -> str:
    if fit.r2 is not None:
        r2 = f"R² = {write_number(fit.r2)}, {write_p_value(fit.p_value)} (rows taken as independent)"
        return f"{r2}, n = {write_counted(fit.num_rows, 'crossing row')}"
    return explain_no_fit(fit.num_rows) if any_crossing else "no problem reached the threshold later (n = 0), nothing to fit"


def _draw_lanes(rows: Rows, fit: LineFit) -> Any:
    import altair as alt

    levels = sorted(rows["min_prefill"].dropna().unique().tolist())
    low, high = (levels[0], levels[-1]) if levels else (0.0, 0.0)
    aside = high + max(0.22 * (high - low), 1.0)
    has_aside = bool(rows["min_prefill"].isna().any())
    steps = rows["steps_to_threshold"].dropna()
    top = float(steps.max()) if len(steps) else 10.0
    lanes = [name for name in LANES if name in set(rows["outcome"])]
    lane_of = {name: top * (1.05 + LANE_HEIGHT * (place + 1)) for place, name in enumerate(lanes)}
    placed = rows.assign(x=rows["min_prefill"].fillna(aside), y=rows["steps_to_threshold"].fillna(rows["outcome"].map(lane_of)))
    points = count_overlaps(placed, "x", "y", ("outcome",))
    x = alt.X(
        "x:Q",
        scale=alt.Scale(domain=[low, aside if has_aside else max(high, low + 1)], padding=34, nice=False, zero=False),
        axis=alt.Axis(
            title="current min prefill (words)", values=[*levels, *([aside] if has_aside else [])], grid=False,
            labelOverlap="greedy", labelSeparation=3, labelExpr=label_lanes({aside: ("not", "exploitable")}),
        ),
    )  # fmt: skip
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, top * (1.08 + LANE_HEIGHT * len(lanes))], nice=False),
        axis=alt.Axis(
            title="training steps to the threshold", values=[*(choose_ticks(0, top) if len(steps) else []), *lane_of.values()],
            labelExpr=label_lanes({place: (name,) for name, place in lane_of.items()}),
        ),
    )  # fmt: skip
    edges = [draw_lane_edge(top * 1.08, "y")] if lanes else []
    edges += [draw_lane_edge((high + aside) / 2, "x")] if has_aside and levels else []
    line = [] if fit.slope is None or fit.intercept is None else [draw_fit("x", "y", fit.slope, fit.intercept, low, high)]
    return alt.layer(*edges, _mark_outcomes(points, x, y), *line).properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


def _mark_outcomes(points: Rows, x: Any, y: Any) -> Any:
    import altair as alt

    names = [name for name in OUTCOMES if name in set(points["outcome"])]
    colors, shapes = (alt.Scale(domain=names, range=[OUTCOMES[name][part] for name in names]) for part in (0, 1))
    return (
        alt.Chart(points)
        .mark_point(filled=True, opacity=0.8, stroke="white", strokeWidth=0.6)
        .encode(
            x=x,
            y=y,
            size=size_by_count(points["count"]),
            color=alt.Color("outcome:N", scale=colors, legend=None),
            shape=alt.Shape("outcome:N", scale=shapes, legend=None),
            tooltip=[alt.Tooltip("x:Q", title="min prefill"), alt.Tooltip("y:Q", title="steps"), "outcome", "count"],
        )
    )
