"""Palette and type sizes, and the last step of every chart: its title, its subtitle and its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

PANEL_WIDTH, PANEL_HEIGHT = 560, 340
"""Size of a single panel in CSS pixels; pictures are drawn at twice that."""

# Okabe and Ito (2008), the colours that stay apart under every common colour blindness.
BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
CATEGORIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK)
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "triangle-right")
GREY, PALE_GREY = "#6B6B6B", "#D4D4D4"

# Anchors of viridis at tenths (Smith and van der Walt, 2015); its yellow end is too faint for lines on white.
VIRIDIS = (
    "#440154", "#482475", "#414487", "#355F8D", "#2A788E", "#21918C", "#22A884", "#44BF70", "#7AD151", "#BDDF26", "#FDE725",
)  # fmt: skip
VIRIDIS_END = 0.85

LONGEST_NAME = 60
FONT = "Liberation Sans, Arial, Helvetica, DejaVu Sans, sans-serif"


def color_levels(count: int) -> list[str]:
    """`count` colours of viridis in order, dark first, without its faint end."""
    return [_mix_viridis(VIRIDIS_END * i / max(count - 1, 1)) for i in range(count)]


def color_categories(count: int) -> list[str]:
    """`count` Okabe-Ito colours; beyond seven they repeat, and the mark's shape tells the repeats apart."""
    return [CATEGORIES[i % len(CATEGORIES)] for i in range(count)]


def shape_categories(count: int) -> list[str]:
    """`count` point shapes, shifted by one each time the colours start over."""
    return [SHAPES[(i + i // len(CATEGORIES)) % len(SHAPES)] for i in range(count)]


def shorten_name(name: str) -> str:
    """A long name with its middle cut out, so that a title stays within its chart."""
    half = (LONGEST_NAME - 1) // 2
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}"


def name_experiments(experiments: str | Sequence[str]) -> str:
    """`experiment a`, `experiments a, b`, or `experiments a, b and 3 more`."""
    names = [experiments] if isinstance(experiments, str) else list(experiments)
    if len(names) == 1:
        return f"experiment {shorten_name(names[0])}"
    more = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"experiments {', '.join(map(shorten_name, names[:2])) or 'none'}{more}"


def finish_chart(chart: Any, title: str, experiments: str | Sequence[str], notes: Sequence[str] = ()) -> Any:
    """The chart with its title block (the title, then the experiments, then one note a line) and our type sizes."""
    import altair as alt

    subtitle = [name_experiments(experiments), *notes]
    titled = alt.TitleParams(text=title, subtitle=subtitle, anchor="start", offset=14)
    return chart.properties(title=titled, config=_configure())  # in one step: each one copies the whole chart


def _configure() -> Any:
    import altair as alt

    return alt.Config(
        background="white", font=FONT, padding=14,
        title=alt.TitleConfig(
            fontSize=17, subtitleFontSize=12.5, subtitleColor="#404040", subtitlePadding=5, subtitleLineHeight=16,
        ),
        axis=alt.AxisConfig(
            labelFontSize=12.5, titleFontSize=13.5, titleFontWeight="normal", titlePadding=9, labelColor="#202020",
            titleColor="#202020", gridColor="#E8E8E8", domainColor="#808080", tickColor="#808080",
        ),
        legend=alt.LegendConfig(
            labelFontSize=12.5, titleFontSize=12.5, titleFontWeight="normal", labelLimit=300, titleLimit=300, rowPadding=4,
            symbolStrokeWidth=2,
        ),
        view=alt.ViewConfig(stroke=None),
    )  # fmt: skip


def _mix_viridis(position: float) -> str:
    place = position * (len(VIRIDIS) - 1)
    left = min(int(place), len(VIRIDIS) - 2)
    share = place - left
    ends = [[int(VIRIDIS[i][k : k + 2], 16) for k in (1, 3, 5)] for i in (left, left + 1)]
    return "#" + "".join(f"{round(a + (b - a) * share):02X}" for a, b in zip(*ends, strict=True))
