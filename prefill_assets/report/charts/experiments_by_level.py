"""Exploit rates of two experiments over training, a panel for each prefill level that both were evaluated at."""

from __future__ import annotations

from typing import Any

from prefill_assets.report.charts.exploit_rate_by_level import RATE_COLUMNS, draw_rate_lines
from prefill_assets.report.drawing.empty_state import draw_empty_state
from prefill_assets.report.drawing.rows import Rows, select_rows
from prefill_assets.report.drawing.style import color_categories, finish_chart, shorten_name
from prefill_assets.report.numerals import write_count, write_counted

COLUMNS = 2
WIDTH, HEIGHT = 330, 210


def draw_experiments_by_level(rates: Rows, experiment: str, other_experiment: str) -> Any:
    """Where `experiment`, such as exploit training, departs from `other_experiment`, such as its control: every level that both
    have, on one scale, over the checkpoints of either.

    `rates` holds rows of both experiments, in the columns of `draw_exploit_rate_by_level` and `experiment`.
    """
    import altair as alt

    pair = [experiment, other_experiment]
    rows = select_rows(rates, None, RATE_COLUMNS, texts=("experiment",))
    known = rows[rows["experiment"].isin(pair) & rows["exploit_rate"].notna()]
    title = "Exploit rate by prefill level, two experiments compared"
    levels_of = {name: set(known.loc[known["experiment"] == name, "prefill_level"].astype(int)) for name in pair}
    levels = sorted(levels_of[experiment] & levels_of[other_experiment])
    if not levels:
        return draw_empty_state(title, pair, "they share no level with a known verdict (n = 0)")
    known = known[known["prefill_level"].isin(levels)]
    verdicts = known.groupby("experiment")["num_attempts"].sum()
    labels = [f"{name} (n = {write_count(verdicts[name])} verdicts)" for name in pair]
    known = known.assign(series=known["experiment"].map(dict(zip(pair, labels, strict=True))))
    legend = alt.Legend(title=None, orient="bottom", columns=1, labelLimit=620, symbolOpacity=1, values=labels)
    highest = float(known[["exploit_rate", "exploit_rate_high"]].max().max())
    panels = [
        draw_rate_lines(
            known[known["prefill_level"] == level], "series", labels, color_categories(2), legend, highest
        ).properties(
            width=WIDTH, height=HEIGHT, title=alt.TitleParams(_name_level(level), fontSize=14, anchor="middle", offset=6)
        )
        for level in levels
    ]
    chart = alt.concat(*panels, columns=COLUMNS, spacing=26)
    notes = ["intervals: Wilson 95 %, attempts taken as independent"]
    for name in pair:
        if alone := sorted(levels_of[name] - set(levels)):
            notes.append(f"only of {shorten_name(name)}: {', '.join(map(write_count, alone))} words")
    return finish_chart(chart, f"{title} (n = {write_counted(verdicts.sum(), 'verdict')})", pair, notes)


def _name_level(level: int) -> str:
    return "no prefill" if level == 0 else f"{write_counted(level, 'word')} of prefill"
