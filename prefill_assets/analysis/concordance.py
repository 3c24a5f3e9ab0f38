"""Harrell's C: how often a predictor orders two problems as they turned out."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy


def measure_concordance(steps: numpy.ndarray, later: numpy.ndarray, crossed: numpy.ndarray) -> float | None:
    """The share of comparable pairs in which the row of the higher `later` comes later, ties of `later` counting half.

    Arrays of shape (rows,). A pair is comparable where the earlier of the two is a crossing; a crossing comes before what is
    censored at the same time, and two crossings at one time are no pair. None where there is no pair.
    Time is linear in rows times distinct `steps`, of which a run has few.
    """
    import numpy

    values, rank = numpy.unique(later, return_inverse=True)
    still_there = numpy.zeros(len(values), dtype=numpy.int64)
    """Rows of each rank that come after the time at hand."""
    num_right = num_tied = num_pairs = 0
    for crossings, censored in reversed(_group_by_time(steps, rank, crossed)):
        still_there += numpy.bincount(censored, minlength=len(values))
        at_or_below = still_there.cumsum()
        num_pairs += len(crossings) * int(still_there.sum())
        num_tied += int(still_there[crossings].sum())
        num_right += int((at_or_below[-1] - at_or_below[crossings]).sum()) if len(crossings) else 0
        still_there += numpy.bincount(crossings, minlength=len(values))
    return (num_right + num_tied / 2) / num_pairs if num_pairs else None


def _group_by_time(
    steps: numpy.ndarray, rank: numpy.ndarray, crossed: numpy.ndarray
) -> list[tuple[numpy.ndarray, numpy.ndarray]]:
    """Ranks of those that cross and of those that are censored, at each time in order."""
    import numpy

    order = numpy.argsort(steps, kind="stable")
    starts = numpy.flatnonzero(numpy.diff(steps[order])) + 1
    groups = numpy.split(order, starts) if len(order) else []
    return [(rank[group[crossed[group]]], rank[group[~crossed[group]]]) for group in groups]
