from __future__ import annotations

import pytest

from prefill_assets.analysis.rules import Rules
from prefill_assets.errors import InputError
from prefill_assets.sources.settings import Settings


def test_levels_are_sorted_and_give_the_defaults() -> None:
    rules = Rules.from_settings(Settings(), (100, 10, 0, 30))
    assert (rules.levels, rules.highest_level) == ((0, 10, 30, 100), 100)
    assert (rules.prefill_levels, rules.fixed_prefill_level) == ((10, 30, 100), 10)
    assert (rules.threshold, rules.logprob_threshold, rules.max_prefill) == (10, -55.39, 100)


@pytest.mark.parametrize(
    ("config", "levels", "fixed"),
    [
        ({}, (0, 20, 40), 20),
        ({"threshold": 40}, (0, 20, 40), 40),
        ({"threshold": 0}, (0, 20, 40), 20),
        ({"fixed_prefill_level": 7}, (0, 10), 7),
        ({}, (0,), None),
    ],
)
def test_fixed_level_is_the_threshold_if_swept_and_above_zero(config, levels, fixed) -> None:
    assert Rules.from_settings(Settings(**config), levels).fixed_prefill_level == fixed


def test_config_decides_where_it_speaks() -> None:
    settings = Settings(prefill_levels="10,30", reference_rules=True, max_prefill=200, seed=4, bootstrap_resamples=7)
    rules = Rules.from_settings(settings, (0, 10, 30, 100))
    assert rules.prefill_levels == (10, 30)
    assert (rules.reference_rules, rules.max_prefill, rules.seed, rules.bootstrap_resamples) == (True, 200, 4, 7)


def test_empty_sweep_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no prefill level; set prefill_tokens_sweep"):
        Rules.from_settings(Settings(), ())
