"""The axis of training steps: ticks at the real checkpoints, on the scale that keeps them farthest apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Literal

TITLE = "training step"
ScaleName = Literal["linear", "sqrt", "symlog"]
SCALES: dict[ScaleName, Callable[[float], float]] = {"linear": float, "sqrt": math.sqrt, "symlog": math.log1p}


def choose_scale(checkpoints: Iterable[float]) -> ScaleName:
    """The scale on which the two closest checkpoints lie farthest apart, as a share of the axis; `linear` on a tie.

    Evenly spaced checkpoints get `linear`, roughly quadratic ones `sqrt`, doubling ones `symlog`.
    """
    steps = sorted(set(checkpoints))
    if len(steps) < 3:
        return "linear"
    return max(SCALES, key=lambda name: _find_smallest_gap([SCALES[name](step) for step in steps]))


def scale_checkpoints(checkpoints: Iterable[float]) -> Any:
    """An altair scale over exactly these checkpoints."""
    import altair as alt

    steps = sorted(set(checkpoints))
    low, high = (steps[0], steps[-1]) if len(steps) > 1 else (steps[0] - 1, steps[0] + 1)
    return alt.Scale(type=choose_scale(steps), domain=[low, high], nice=False, zero=False, padding=14)


def mark_checkpoints(checkpoints: Iterable[float], title: str = TITLE) -> Any:
    """An altair axis with a tick at every checkpoint; labels that would touch are left out."""
    import altair as alt

    steps = sorted(set(checkpoints))
    overlap = "parity" if choose_scale(steps) == "linear" else "greedy"
    return alt.Axis(title=title, values=steps, labelOverlap=overlap, labelSeparation=4, format=",d", grid=False)


def _find_smallest_gap(places: list[float]) -> float:
    span = places[-1] - places[0]
    return round(min(b - a for a, b in pairwise(places)) / span, 9)
