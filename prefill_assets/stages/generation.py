"""Stage 1: what a checkpoint writes after each prefill."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefill_assets.engines.protocol import Engine, Generation, GenerationRequest, Sampling
from prefill_assets.prompts.answers import read_answer
from prefill_assets.prompts.dialects import Dialect, RenderedPrompt
from prefill_assets.prompts.instructions import build_messages
from prefill_assets.prompts.rendered_once import render_once
from prefill_assets.prompts.words import count_words, take_first_words
from prefill_assets.sources.prefill_trace import PrefillTrace
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.settings import Settings


@dataclass(frozen=True)
class Task:
    """A problem to evaluate, with the trace that its prefills are cut from; without one, only level 0 can be evaluated."""

    problem: Problem
    trace: PrefillTrace | None


@dataclass(frozen=True)
class _Attempt:
    task: Task
    messages: list[dict[str, str]]
    rendered: RenderedPrompt
    attempt_idx: int
    seed: int


def generate_samples(
    experiment: str,
    checkpoint: int,
    level: int,
    tasks: Sequence[Task],
    settings: Settings,
    engine: Engine,
    tokenizer: Any,
    dialect: Dialect,
) -> Iterator[dict[str, Any]]:
    """Rows of eval_samples for one cell: every task, `num_attempts` times. A request that the engine refuses is an error row."""
    attempts = list(_list_attempts(level, tasks, settings, tokenizer, dialect))
    requests = [GenerationRequest(attempt.rendered.token_ids, attempt.seed) for attempt in attempts]
    sampling = Sampling(settings.temperature, settings.top_p, settings.max_tokens)
    described = engine.description
    for attempt, generation in zip(attempts, engine.generate(requests, sampling), strict=True):
        yield {
            "experiment": experiment,
            "checkpoint": checkpoint,
            "prefill_level": level,
            "model_id": f"checkpoint-{checkpoint}_prefill{level}",
            "dialect": str(dialect),
            "temperature": settings.temperature,
            "engine": described,
            **_describe_attempt(attempt),
            **_describe_generation(attempt, generation, dialect),
        }


def choose_seed(experiment_seed: int, task_id: str, level: int, attempt_idx: int) -> int:
    """A seed of its own for every attempt, the same for every checkpoint, so that checkpoints differ by their weights alone.

    The attempts of a prompt have seeds that follow each other: an engine may then be asked for all of them at once.
    """
    text = f"{experiment_seed}/{task_id}/{level}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big") + attempt_idx


def _list_attempts(level: int, tasks: Sequence[Task], settings: Settings, tokenizer: Any, dialect: Dialect) -> Iterator[_Attempt]:
    conversations = [
        (
            build_messages(task.problem, exploit_prompts=settings.exploit_prompts, instructions=settings.instructions),
            take_first_words(task.trace.reasoning if task.trace else "", level),
        )
        for task in tasks
    ]
    rendered_once = render_once(tokenizer, conversations, dialect)
    for task, (messages, _), rendered in zip(tasks, conversations, rendered_once, strict=True):
        for attempt_idx in range(settings.num_attempts):
            seed = choose_seed(settings.seed, task.problem.id, level, attempt_idx)
            yield _Attempt(task, messages, rendered, attempt_idx, seed)


def _describe_attempt(attempt: _Attempt) -> dict[str, Any]:
    trace, rendered = attempt.task.trace, attempt.rendered
    system, user = (message["content"] for message in attempt.messages)
    trace = trace if rendered.prefill else None
    return {
        "task_id": attempt.task.problem.id,
        "exploit_type": attempt.task.problem.exploit_type,
        "attempt_idx": attempt.attempt_idx,
        "system": system,
        "prompt": user,
        "rendered_prompt": rendered.prompt,
        "prefill_applied": trace is not None,
        "prefill_words": count_words(rendered.prefill),
        "prefill_reasoning": rendered.prefill,
        "prefill_model_id": trace and trace.prefill_model_id,
        "prefill_attempt_idx": trace and trace.attempt_idx,
        "prefill_source": trace and trace.prefill_source,
        "prompt_num_tokens": len(rendered.prompt_ids),
        "prefill_num_tokens": len(rendered.prefill_ids),
        "seed": attempt.seed,
    }


def _describe_generation(attempt: _Attempt, generation: Generation, dialect: Dialect) -> dict[str, Any]:
    if generation.text is None:
        return {"error": generation.error or "the engine returned nothing"}
    answer = read_answer(dialect, attempt.rendered.prefill, generation.text)
    return {
        "text": generation.text,
        "reasoning": answer.reasoning,
        "response": answer.response,
        "code": answer.code,
        "finish_reason": generation.finish_reason,
        "output_tokens": len(generation.token_ids),
        "error": None,
    }
