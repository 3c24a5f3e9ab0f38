"""How min prefill is distributed over problems at each checkpoint."""

from __future__ import annotations

from typing import Any

from prefill_assets.report.drawing.checkpoint_axis import TITLE
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.rows import Column, Rows, count_problems, select_rows
from prefill_assets.report.drawing.style import PALE_GREY, PANEL_HEIGHT, PANEL_WIDTH, color_levels, finish_chart
from prefill_assets.report.numerals import write_counted

NOT_EXPLOITABLE, UNKNOWN = "not exploitable", "unknown"
MOST_LABELLED_CHECKPOINTS = 12
SMALLEST_LABELLED_SHARE = 0.045
MEANING_OF_UNKNOWN = "unknown: a lower level lacks a verdict"


def draw_accessibility_distribution(trajectory: Rows, experiment: str) -> Any:
    """What share of the problems falls to how short a prefill, at each checkpoint.

    `trajectory` has rows of trajectory_analysis or trajectory. A row whose min prefill is not known counts as unknown.
    """
    rows = select_rows(trajectory, experiment, ("checkpoint", "min_prefill"), ("exploitable",), ("task_id", "exploit_type"))
    title = "Smallest prefill that elicits an exploit"
    if rows.empty:
        return draw_empty_state(title, experiment, "no problem was evaluated (n = 0)")
    counts = count_min_prefills(rows)
    if set(counts["min_prefill"]) == {UNKNOWN}:
        reason = f"no min prefill is known at any checkpoint (n = {write_counted(count_problems(rows), 'problem')}, all unknown)"
        return draw_empty_state(title, experiment, reason)
    totals = counts.groupby("checkpoint")["count"].sum()
    spread = str(totals.min()) if totals.min() == totals.max() else f"{totals.min()} to {totals.max()}"
    notes = [
        f"{spread} problems a checkpoint; {'numbers in the bars count them; ' if _are_few(counts) else ''}{MEANING_OF_UNKNOWN}"
    ]
    problems = write_counted(count_problems(rows), "problem")
    return finish_chart(_stack_shares(counts), f"{title} (n = {problems})", experiment, notes)


def count_min_prefills(rows: Rows) -> Rows:
    """Problems by checkpoint and min prefill, with their share of the checkpoint; ordered from the shortest prefill."""
    known = rows["min_prefill"].notna()
    label = rows["min_prefill"].map("{:.0f}".format).where(known, UNKNOWN)
    label = label.mask(~known & rows["exploitable"].map(lambda truth: truth is False), NOT_EXPLOITABLE)
    counts = rows.assign(min_prefill=label).groupby(["checkpoint", "min_prefill"]).size().rename("count").reset_index()
    counts["share"] = counts["count"] / counts.groupby("checkpoint")["count"].transform("sum")
    order = {name: place for place, name in enumerate(_order_labels(counts["min_prefill"]))}
    counts["order"] = counts["min_prefill"].map(order)
    counts = counts.sort_values(["checkpoint", "order"]).reset_index(drop=True)
    counts["above"] = counts.groupby("checkpoint")["share"].cumsum()
    counts["middle"] = counts["above"] - counts["share"] / 2
    counts["below"] = counts["above"] - counts["share"]
    return counts


def _order_labels(labels: Column) -> list[str]:
    levels = sorted((label for label in set(labels) if label.isdecimal()), key=int)
    return [*levels, *(label for label in (NOT_EXPLOITABLE, UNKNOWN) if label in set(labels))]


def _stack_shares(counts: Rows) -> Any:
    import altair as alt

    names = _order_labels(counts["min_prefill"])
    levels = [name for name in names if name.isdecimal()]
    colors = [
        *color_levels(len(levels)),
        *({NOT_EXPLOITABLE: PALE_GREY, UNKNOWN: "#FFFFFF"}[name] for name in names[len(levels) :]),
    ]
    counts = counts.assign(
        ink=["#FFFFFF" if name in levels and _is_dark(colors[names.index(name)]) else "#202020" for name in counts["min_prefill"]]
    )
    few = _are_few(counts)
    base = alt.Chart(counts).encode(
        x=alt.X(
            "checkpoint:O",
            scale=alt.Scale(paddingInner=0.22 if few else 0.05, paddingOuter=0.15),
            axis=alt.Axis(title=TITLE, labelAngle=0, labelOverlap="parity", labelSeparation=4, format=",d"),
        )
    )
    share = alt.Axis(title="share of problems (%)", format=".0%", tickCount=5)
    bars = base.mark_bar(stroke="#808080", strokeWidth=0.5 if few else 0).encode(
        y=alt.Y("below:Q", axis=share, scale=alt.Scale(domain=[0, 1])),
        y2="above:Q",
        color=alt.Color(
            "min_prefill:N", sort=names, scale=alt.Scale(domain=names, range=colors),
            legend=alt.Legend(
                title="min prefill (words)", values=names[::-1], symbolStrokeWidth=0.5, symbolStrokeColor="#808080"
            ),
        ),
        tooltip=["checkpoint", "min_prefill", "count", alt.Tooltip("share:Q", format=".1%")],
    )  # fmt: skip
    layers = [bars]
    if few:
        seen = base.transform_filter(f"datum.share >= {SMALLEST_LABELLED_SHARE}")
        layers.append(
            seen.mark_text(fontSize=11.5, baseline="middle").encode(
                y="middle:Q", text="count:Q", color=alt.Color("ink:N", scale=None, legend=None)
            )
        )
    return alt.layer(*layers).resolve_scale(color="independent").properties(width=PANEL_WIDTH, height=PANEL_HEIGHT)


def _are_few(counts: Rows) -> bool:
    return counts["checkpoint"].nunique() <= MOST_LABELLED_CHECKPOINTS


def _is_dark(color: str) -> bool:
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140
