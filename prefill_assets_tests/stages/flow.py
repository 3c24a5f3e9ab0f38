"""The tables in the order of the flow, and which of them follow from which."""

from __future__ import annotations

from prefill_assets_tests.stages.bench import TABLES, Bench

COMPARISONS = ["predictor_comparison", "threshold_comparison"]
INTEGRATED = ["trajectory_with_logprob", *COMPARISONS]
ANALYSED = ["trajectory_analysis", *INTEGRATED]
TRACED = ["trajectory", *ANALYSED]
JUDGED = ["eval_results", *TRACED]
SCORED = ["prefill_logprobs", *INTEGRATED]
SAMPLED = ["eval_samples", "eval_results", "prefill_logprobs", *TRACED]


def list_due_tables(bench: Bench) -> list[str]:
    return [table for table in TABLES if table in bench.list_due()]


def in_flow(tables: list[str]) -> list[str]:
    return [table for table in TABLES if table in tables]
