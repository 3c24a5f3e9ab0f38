"""What each setting makes stale: exactly what it goes into."""

from __future__ import annotations

from typing import Any

import pytest

from prefill_assets.sources.settings import Settings
from prefill_assets_tests.stages.flow import (
    ANALYSED,
    INTEGRATED,
    SAMPLED,
    SCORED,
    TRACED,
    in_flow,
    list_due_tables,
)

SETTINGS: dict[str, tuple[Any, list[str]]] = {
    "num_attempts": (5, SAMPLED),
    "temperature": (0.9, SAMPLED),
    "top_p": (0.5, SAMPLED),
    "max_tokens": (7, SAMPLED),
    "seed": (1, SAMPLED),
    "exploit_prompts": (False, SAMPLED),
    "instructions": ("Do it.", SAMPLED),
    "dialect": ("think", SAMPLED),
    "dtype": ("float32", SAMPLED),
    "max_problems": (1, SAMPLED),
    "device": ("cpu", []),
    "batch_size": (1, []),
    "max_samples": (2, SCORED),
    "use_reasoning_field": (True, SCORED),
    "threshold": (5, ANALYSED),
    "max_prefill": (50, ANALYSED),
    "reference_rules": (True, TRACED),
    "logprob_threshold": (-80.0, INTEGRATED),
    "prefill_levels": ([10], INTEGRATED),
    "fixed_prefill_level": (10, INTEGRATED),
    "unintentional_exploit_types": (["process_exit"], ["predictor_comparison"]),
    "bootstrap_resamples": (7, ["predictor_comparison"]),
    "logprob_dirs": (None, []),
    "vllm_command": ("other serve", []),
    "vllm_args": ("--enforce-eager", []),
    "vllm_base_url": ("http://127.0.0.1:1", []),
    "vllm_model": ("name", []),
    "vllm_concurrency": (3, []),
    "vllm_start_seconds": (7, []),
    "vllm_request_seconds": (7, []),
    "djinn_python": ("/usr/bin/python3", []),
    "allow_unsandboxed": (True, []),
    "reverify": (True, []),
    "wandb_project": ("hacks", []),
}
"""A setting, another value for it, and the tables whose rows may differ then."""
PLACES = {"checkpoint_dir", "checkpoints", "prefill_tokens_sweep", "prefill_source", "problems"}
ONE_CHOICE = {"engine", "verifier"}


def test_every_setting_is_accounted_for():
    assert set(Settings.model_fields) <= set(SETTINGS) | PLACES | ONE_CHOICE


@pytest.mark.parametrize("setting", list(SETTINGS))
def test_a_setting_makes_exactly_its_dependents_stale(bench, setting):
    value, dependents = SETTINGS[setting]

    bench.configure(**{setting: value})

    assert list_due_tables(bench) == in_flow(dependents)


def test_a_default_written_out_changes_nothing(bench):
    bench.configure(threshold=10, temperature=0.4, checkpoints=["checkpoint-1", "10"])

    assert bench.list_due() == {}
