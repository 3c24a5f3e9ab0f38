"""Exploit rate at one prefill level over training, for several experiments."""

from __future__ import annotations

from typing import Any

from prefill_assets.report.charts.exploit_rate_by_level import RATE_COLUMNS, draw_rate_lines
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.drawing.style import color_categories, finish_chart, shorten_name
from prefill_assets.report.numerals import write_count, write_counted


def draw_experiments_compared(rates: Rows, prefill_level: int) -> Any:
    """Whether one experiment, such as exploit training, departs from another, such as its control, at `prefill_level` words.

    `rates` holds rows of several experiments, in the columns of `draw_exploit_rate_by_level` and `experiment`.
    """
    import altair as alt

    rows = select_rows(rates, None, RATE_COLUMNS, texts=("experiment",))
    title = f"Exploit rate at {write_counted(prefill_level, 'word')} of prefill, by experiment"
    every = sorted(rows["experiment"].dropna().unique())
    known = rows[(rows["prefill_level"] == prefill_level) & rows["exploit_rate"].notna()]
    if known.empty:
        swept = ", ".join(write_count(level) for level in sorted(rows["prefill_level"].dropna().unique())) or "none"
        reason = f"no experiment has a known verdict at level {prefill_level} (n = 0); levels present: {swept}"
        return draw_empty_state(title, every, reason)
    verdicts = known.groupby("experiment")["num_attempts"].sum()
    labels = [f"{name} (n = {write_count(verdicts[name])} verdicts)" for name in verdicts.index]
    known = known.assign(series=known["experiment"].map(dict(zip(verdicts.index, labels, strict=True))))
    notes = ["intervals: Wilson 95 %, attempts taken as independent"]
    left_out = [shorten_name(name) for name in every if name not in verdicts.index]
    if left_out:
        notes.append(f"without a known verdict at this level: {', '.join(left_out)}")
    # Experiments have long names; beside the panel they would squeeze it.
    legend = alt.Legend(title=None, orient="bottom", columns=1, labelLimit=620, symbolOpacity=1, values=labels)
    lines = draw_rate_lines(known, "series", labels, color_categories(len(labels)), legend)
    return finish_chart(lines, f"{title} (n = {write_counted(verdicts.sum(), 'verdict')})", every, notes)
