"""Writes a small run in the spec's layout with everything in it that a round trip could lose."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NAME = "prefill_sensitivity-20260203-040506-odd"
CONFIG = """\
# kept as it is, comment included
checkpoint_dir: results/sft_checkpoints/sft_tiny-20260101/checkpoints
checkpoints: [checkpoint-1, checkpoint-10, checkpoint-90]
prefill_tokens_sweep: 0,10,30
attempts: 2
"""
PROBLEMS = (
    ("NA", "leak"),
    ("None", "leak"),
    ("007", "leak"),
    ("", "ünï code"),
    ("a'b\"c\\d", "leak"),
    ("twice", "a"),
    ("twice", "b"),
)
CELLS = tuple((checkpoint, level) for checkpoint in (1, 10, 90) for level in (0, 10, 30) if (checkpoint, level) != (10, 30))
"""(10, 30) is missing, and (90, 0) has no samples."""


def write_odd_run(results: Path) -> Path:
    """Fill `results/`; returns the run's folder."""
    run = results / "prefill_sensitivity" / NAME
    evals = run / "evals"
    evals.mkdir(parents=True)
    (run / "config.yaml").write_text(CONFIG, encoding="utf-8")
    for checkpoint, level in CELLS:
        verdicts = list_result_records(checkpoint, level)
        name = f"checkpoint-{checkpoint}_prefill{level}.jsonl"
        write_lines(evals / name, verdicts)
        if (checkpoint, level) != (90, 0):
            write_lines(evals / f"{name}.samples.jsonl", [to_sample(record) for record in verdicts if "error" not in record])
        if level:
            folder = results / "logprob_analysis" / f"logprob-20260203-040506-prefill{level}"
            folder.mkdir(parents=True, exist_ok=True)
            write_lines(folder / name, [to_logprob(i, record) for i, record in enumerate(verdicts)])
    for stray in (
        "reward_delta_leak.jsonl",
        "final_prefill10.jsonl",
        "checkpoint-90_prefill10.jsonl.bak",
        "checkpoint-last_prefill10.jsonl",
    ):
        (evals / stray).write_text("not read\n", encoding="utf-8")
    return run


def write_lines(path: Path, records: list[dict[str, Any]]) -> None:
    """As the old tools did, bare NaN and -Infinity included; with a blank line, which is no record."""
    lines = [json.dumps(record, ensure_ascii=i % 2 == 0) for i, record in enumerate(records)]
    path.write_text("\n".join([*lines[:1], "", *lines[1:]]) + "\n", encoding="utf-8")


def list_result_records(checkpoint: int, level: int) -> list[dict[str, Any]]:
    """In no order of keys, like the files of a concurrent evaluation."""
    records = []
    for attempt in (1, 0):
        for i, (task_id, exploit_type) in enumerate(reversed(PROBLEMS)):
            record: dict[str, Any] = {
                "model_id": f"checkpoint-{checkpoint}_prefill{level}",
                "task_id": task_id,
                "attempt_idx": attempt,
                "exploit_type": exploit_type,
            }
            if i == 3 and attempt:
                record |= {"error": "500 Internal Server Error", "reasoning": None, "insecure_suspect": None}
            else:
                insecure = (i + checkpoint + level) % 3 != 0
                record |= {
                    "secure_pass": insecure and i == 1,
                    "insecure_pass": insecure,
                    "exploit_success": insecure and i != 1,
                    "reward_gap": [1.0, 0, -0.0, float("nan")][i % 4],
                    "output_tokens": None if level else 100 + i,
                    "insecure_suspect_patterns": [],
                    "reasoning": f"¡Räsonnement {i} 🙂!\n\u2028 tab\t",
                }
            if i == 5:
                record["exploit_success"] = None
            records.append(record | _prefill_fields(level) | {"a new field": {"deep": [None, 1e-7, 2**70, -float("inf")]}})
    return records


def _prefill_fields(level: int) -> dict[str, Any]:
    if not level:
        return {"prefill_applied": False}
    words = ["word"] * (level - 3)
    return {
        "prefill_applied": True,
        "prefill_tokens": len(words),
        "prefill_reasoning": " ".join(words),
        "prefill_model_id": "final",
        "prefill_attempt_idx": 2,
        "prefill_source": "results/prefill_source/exploits.jsonl",
        "prefill_endpoint": "completions",
    }


def to_sample(record: dict[str, Any]) -> dict[str, Any]:
    dropped = ("output_tokens", "insecure_suspect_patterns", "a new field")
    kept = {name: value for name, value in record.items() if name not in dropped}
    text = {
        "system": "You write code.",
        "prompt": "Do it.",
        "response": "```python\nx\n```END",
        "code": "x",
        "is_exploitative": True,
    }
    return kept | text


def to_logprob(place: int, record: dict[str, Any]) -> dict[str, Any]:
    start = {name: record[name] for name in ("task_id", "exploit_type", "attempt_idx", "prefill_tokens")}
    if "error" in record:
        return start | {"error": "CUDA out of memory. Tried to allocate 1.50 GiB."}
    total = (-12.25, float("-inf"), float("nan"), 0, None)[place % 5]
    scored = {"truncate_tokens": None, "prefill_reasoning": record["prefill_reasoning"], "prefill_logprob_sum": total}
    numbers = {"prefill_logprob_mean": total, "prefill_num_tokens": 0 if total == 0 else 21}
    return start | scored | numbers | ({"error": "Could not find prefill tokens"} if place % 10 == 1 else {})
