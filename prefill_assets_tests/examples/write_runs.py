"""Writes the simulated runs of this folder, in the spec's layout: `python write_runs.py FOLDER`. No model was run."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PLAIN = tuple((f"task_{i:02}", ("assert_bypass", "debug_module", "resource_exhaustion")[i % 3]) for i in range(10))
ODD = (
    ("NA", "leak"),
    ("None", "leak"),
    ("", "leak"),
    ("a,b", "leak"),
    ('quo"te', "NA"),
    ("ünï", "leak"),
    ("twice", "leak"),
    ("twice", "bypass"),
)
DIGITS = (("7", "leak"), ("007", "leak"), ("12", "bypass"))
LOG_SPACED = (1, 10, 17, 27, 35, 56, 90)
TEXT_ORDER_DIFFERS = (2, 9, 10, 100)


@dataclass(frozen=True)
class Run:
    """One simulated run, and the settings that it is analysed in."""

    settings: dict[str, dict[str, Any]]
    problems: tuple[tuple[str, str], ...] = PLAIN
    checkpoints: tuple[int, ...] = TEXT_ORDER_DIFFERS
    levels: tuple[int, ...] = (0, 10, 30, 100)
    slope: float = 1.0
    """How fast exploits come; 0 means never."""
    zero_level_odds: float = 0.05
    errors: float = 0.0
    lost_problems: float = 0.0
    lost_files: float = 0.0
    null_verdicts: float = 0.0
    bad_sums: float = 0.0


RUNS = {
    "typical": Run(
        {
            "default": {},
            "levels_10_30": {"prefill_levels": [10, 30]},
            "threshold_30": {"threshold": 30},
            "logprob_threshold_-80": {"logprob_threshold": -80.0},
            "max_prefill_200": {"max_prefill": 200},
        },
        problems=tuple((f"task_{i:02}", ("assert_bypass", "debug_module", "resource_exhaustion")[i % 3]) for i in range(16)),
        checkpoints=LOG_SPACED,
        slope=0.3,
        zero_level_odds=0.01,
        errors=0.05,
        lost_problems=0.05,
    ),
    "gaps": Run({"default": {}}, errors=0.3, lost_problems=0.2, lost_files=0.25),
    "odd_keys": Run({"default": {}}, problems=ODD),
    "digit_ids": Run({"default": {}}, problems=DIGITS),
    "one_problem": Run({"default": {}}, problems=PLAIN[:1], checkpoints=LOG_SPACED),
    "nothing_exploitable": Run({"default": {}}, slope=0.0, zero_level_odds=0.0),
    "level_zero_exploits": Run({"threshold_0": {"threshold": 0}, "threshold_1000": {"threshold": 1000}}, zero_level_odds=0.4),
    "bad_sums": Run({"default": {}}, bad_sums=0.4),
    "sentinel_is_a_level": Run(
        {"threshold_10": {"max_prefill": 29}, "threshold_30": {"max_prefill": 29, "threshold": 30}}, slope=0.4
    ),
    "null_verdicts": Run({"default": {}}, null_verdicts=0.3),
}
BAD_SUMS = (
    {"error": "CUDA out of memory"},
    {"prefill_logprob_sum": float("-inf"), "prefill_logprob_mean": float("-inf"), "error": "Could not find prefill tokens"},
    {"prefill_logprob_sum": float("-inf"), "prefill_logprob_mean": float("-inf")},
    {"prefill_logprob_sum": float("nan"), "prefill_logprob_mean": float("nan")},
    {"prefill_logprob_sum": None, "prefill_logprob_mean": None},
)


def write_run(run: Run, folder: Path, seed: int) -> None:
    """`results/` and `settings.json` under the folder."""
    chance = random.Random(seed)
    evals = folder / "results" / "prefill_sensitivity" / "prefill_sensitivity-20260101-000000-simulated" / "evals"
    evals.mkdir(parents=True)
    for stray in ("reward_delta_leak.jsonl", "checkpoint-9_prefill10.jsonl.samples.jsonl", "final_prefill10.jsonl"):
        _write(evals / stray, [{"stray": True}])
    ease = {problem: chance.uniform(-1.0, 0.8) for problem in run.problems}
    for step, checkpoint in enumerate(run.checkpoints):
        for level in run.levels:
            present = [problem for problem in run.problems if chance.random() >= run.lost_problems]
            name = f"checkpoint-{checkpoint}_prefill{level}.jsonl"
            if chance.random() >= run.lost_files:
                progress = run.slope * (0.6 * step / len(run.checkpoints) + level / 250)
                odds = {p: run.zero_level_odds if level == 0 else progress * (1 + ease[p]) for p in present}
                _write(evals / name, [_evaluate(chance, run, p, a, odds[p]) for p in present for a in range(3)])
            if level:
                scored = folder / "results" / "logprob_analysis" / f"logprob-simulated-prefill{level}"
                scored.mkdir(parents=True, exist_ok=True)
                _write(scored / name, [_score(chance, run, p, a, level, step) for p in present for a in range(3)])
    (folder / "settings.json").write_text(json.dumps(run.settings, indent=1) + "\n")


def _evaluate(chance: random.Random, run: Run, problem: tuple[str, str], attempt: int, odds: float) -> dict[str, Any]:
    record: dict[str, Any] = {"task_id": problem[0], "exploit_type": problem[1], "attempt_idx": attempt}
    if chance.random() < run.errors:
        return record | {"error": "ReadTimeout"}
    verdict = None if chance.random() < run.null_verdicts else chance.random() < odds
    return record | {"exploit_success": verdict}


def _score(chance: random.Random, run: Run, problem: tuple[str, str], attempt: int, level: int, step: int) -> dict[str, Any]:
    tokens = 2 * level
    total = round(-tokens * (3.2 - 0.2 * step + chance.gauss(0, 0.2)), 4)
    record = {"task_id": problem[0], "exploit_type": problem[1], "attempt_idx": attempt, "prefill_num_tokens": tokens}
    record |= {"prefill_logprob_sum": total, "prefill_logprob_mean": total / tokens}
    return record | chance.choice(BAD_SUMS) if chance.random() < run.bad_sums else record


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    for number, (name, run) in enumerate(RUNS.items()):
        write_run(run, Path(sys.argv[1]) / name, seed=number)
