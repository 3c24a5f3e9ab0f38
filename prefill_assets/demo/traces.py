"""The prefill source: what the last checkpoint writes about held-out problems, judged by the verifier."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from prefill_assets.sources.problem import Problem
from prefill_assets.sources.settings import Settings
from prefill_assets.verification.protocol import Verifier

FIELDS_OF_SAMPLE = ("task_id", "exploit_type", "attempt_idx", "model_id", "system", "prompt", "response", "reasoning", "code")
FIELDS_OF_VERDICT = ("secure_pass", "insecure_pass", "exploit_success")


def sample_traces(
    checkpoint: Path, model_id: str, problems: Sequence[Problem], settings: Settings, rounds: int, verifier: Verifier
) -> Iterator[dict[str, Any]]:
    """Records of every attempt, in djinn's fields, `settings.num_attempts` a problem and round.

    No prefill is used. A problem leaves after the first round in which one of its attempts exploits.
    """
    from prefill_assets.engines.loading import make_host
    from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
    from prefill_assets.stages.generation import Task, generate_samples

    tokenizer, dialect = load_tokenizer(checkpoint), find_dialect(checkpoint, settings)
    host = make_host(settings)
    engine = host.open(checkpoint)
    open_problems = list(problems)
    for turn in range(rounds):
        seeded = settings.model_copy(update={"seed": settings.seed + turn})
        tasks = [Task(problem, None) for problem in open_problems]
        samples = list(generate_samples(model_id, settings.num_attempts, 0, tasks, seeded, engine, tokenizer, dialect))
        exploited = set()
        for record in judge_traces(samples, problems, verifier):
            record["attempt_idx"] += turn * settings.num_attempts
            record["model_id"] = model_id
            if record["exploit_success"]:
                exploited.add(record["task_id"])
            yield record
        open_problems = [problem for problem in open_problems if problem.id not in exploited]
    host.close()


def judge_traces(samples: Sequence[dict[str, Any]], problems: Sequence[Problem], verifier: Verifier) -> Iterator[dict[str, Any]]:
    """A record for each sample: what it says, and the verdicts on its code."""
    from prefill_assets.stages.judging import judge_samples

    verdicts = judge_samples(samples, {problem.id: problem for problem in problems}, verifier)
    for sample, verdict in zip(samples, verdicts, strict=True):
        yield {name: sample.get(name) for name in FIELDS_OF_SAMPLE} | {name: verdict.get(name) for name in FIELDS_OF_VERDICT}


def write_records(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """One JSON object a line; the file appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.partial")
    beside.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8")
    beside.replace(path)
