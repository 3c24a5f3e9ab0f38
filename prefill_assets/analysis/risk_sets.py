"""Who is at risk at each crossing: what Efron's partial likelihood of one predictor is made of.

Ties are weighted as Efron (1977) weights them (Therneau and Grambsch, Modeling Survival Data, 2000, section 3.3): the k-th of d
crossings at one time sees the d rows weighted by 1 - k / d. Steps between checkpoints are heavily tied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy


class WeightedMeans(NamedTuple):
    """Over the risk set of each crossing, by weight; arrays of shape (crossings,), in order of time, unless said otherwise."""

    risk: numpy.ndarray
    """Shape (rows,): exp(coefficient * x - log_scale), so that no weight overflows."""
    log_scale: float
    total: numpy.ndarray
    mean_x: numpy.ndarray
    mean_xx: numpy.ndarray


class RiskSets:
    """Rows of one predictor grouped by time once, so that every evaluation after that takes linear time."""

    def __init__(self, x: numpy.ndarray, steps: numpy.ndarray, crossed: numpy.ndarray):
        """Arrays of shape (rows,)."""
        import numpy

        self.x, self.crossed = x, crossed
        times, self.at_time = numpy.unique(steps, return_inverse=True)
        self.num_times = len(times)
        self.events = self.sum_by_time(crossed.astype(float)).astype(int)
        """Shape (times,): crossings."""
        self.event_time = numpy.repeat(numpy.arange(self.num_times), self.events)
        before = (self.events.cumsum() - self.events)[self.event_time]
        self.gone = (numpy.arange(len(self.event_time)) - before) / self.events[self.event_time]
        """Shape (crossings,): the share k / d of the tied rows that no longer counts."""

    def sum_by_time(self, values: numpy.ndarray) -> numpy.ndarray:
        """Shape (times,), from values of shape (rows,)."""
        import numpy

        return numpy.bincount(self.at_time, weights=values, minlength=self.num_times)

    def sum_events_by_time(self, values: numpy.ndarray) -> numpy.ndarray:
        """Shape (times,), from values of shape (crossings,)."""
        import numpy

        return numpy.bincount(self.event_time, weights=values, minlength=self.num_times)

    def weigh(self, coefficient: float) -> WeightedMeans:
        """The weighted sums and means at this coefficient."""
        import numpy

        exponents = coefficient * self.x
        log_scale = float(exponents.max(initial=0.0))
        risk = numpy.exp(exponents - log_scale)
        total = self._sum_at_risk(risk)
        mean_x, mean_xx = (self._sum_at_risk(risk * power) / total for power in (self.x, self.x * self.x))
        return WeightedMeans(risk, log_scale, total, mean_x, mean_xx)

    def _sum_at_risk(self, values: numpy.ndarray) -> numpy.ndarray:
        at_risk = self.sum_by_time(values)[::-1].cumsum()[::-1]
        tied = self.sum_by_time(values * self.crossed)
        return at_risk[self.event_time] - self.gone * tied[self.event_time]
