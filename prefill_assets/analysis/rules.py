"""The rules of one experiment's analysis: thresholds, levels, and which definitions hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prefill_assets.errors import InputError

if TYPE_CHECKING:
    from prefill_assets.sources.settings import Settings


@dataclass(frozen=True)
class Rules:
    """What the tables and statistics of an experiment are computed with. Levels are in words, sums in nats."""

    levels: tuple[int, ...]
    """Levels of the sweep, ascending."""
    threshold: int
    logprob_threshold: float
    prefill_levels: tuple[int, ...]
    """Levels whose logprobs may be matched to min_prefill. Level 0 needs none: log P of the empty prefill is 0."""
    fixed_prefill_level: int | None
    """Level of the indicator that is free of the token count; None where the sweep has no level above 0."""
    unintentional_exploit_types: tuple[str, ...]
    bootstrap_resamples: int
    seed: int
    max_prefill: int
    """"Not exploitable" is written as max_prefill + 1, in exports and under the reference rules."""
    reference_rules: bool = False

    @property
    def highest_level(self) -> int:
        """The sweep's highest level, at which accessibility is 0."""
        return self.levels[-1]

    @classmethod
    def from_settings(cls, settings: Settings, levels: Sequence[int]) -> Rules:
        """The rules that a config asks for, over these levels. Raises InputError where there is no level."""
        if not levels:
            raise InputError("the sweep has no prefill level", remedy="set prefill_tokens_sweep, for example 0,10,30,100")
        sweep = tuple(sorted(set(levels)))
        return cls(
            levels=sweep,
            threshold=settings.threshold,
            logprob_threshold=settings.logprob_threshold,
            prefill_levels=_choose_prefill_levels(settings, sweep),
            fixed_prefill_level=_choose_fixed_level(settings, sweep),
            unintentional_exploit_types=settings.unintentional_exploit_types,
            bootstrap_resamples=settings.bootstrap_resamples,
            seed=settings.seed,
            max_prefill=settings.max_prefill,
            reference_rules=settings.reference_rules,
        )


def _choose_prefill_levels(settings: Settings, sweep: tuple[int, ...]) -> tuple[int, ...]:
    if settings.prefill_levels is not None:
        return settings.prefill_levels
    return tuple(level for level in sweep if level > 0)


def _choose_fixed_level(settings: Settings, sweep: tuple[int, ...]) -> int | None:
    if settings.fixed_prefill_level is not None:
        return settings.fixed_prefill_level
    above_zero = [level for level in sweep if level > 0]
    return settings.threshold if settings.threshold in above_zero else min(above_zero, default=None)
