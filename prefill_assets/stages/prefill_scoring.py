"""Stage 3: how natural each prefill is to a checkpoint."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prefill_assets.engines.protocol import Engine, Score, ScoreRequest
from prefill_assets.prompts.dialects import Dialect, RenderedPrompt
from prefill_assets.prompts.reasoning import strip_think_tags
from prefill_assets.prompts.rendered_once import render_once
from prefill_assets.prompts.words import count_words

PREFILL_COLUMNS = (
    "prefill_level",
    "task_id",
    "exploit_type",
    "attempt_idx",
    "system",
    "prompt",
    "prefill_reasoning",
    "reasoning",
)
"""What scoring reads of eval_samples; `samples_checkpoint`, the checkpoint that supplied the row, is added to each."""


@dataclass(frozen=True)
class ScoredText:
    """One distinct prefill of a task, and the first attempt that carries it."""

    sample: Mapping[str, Any]
    text: str


def list_texts(samples: Sequence[Mapping[str, Any]], *, use_reasoning_field: bool, max_samples: int | None) -> list[ScoredText]:
    """The distinct prefills among the first `max_samples` samples of each level.

    With `use_reasoning_field` the sample's whole reasoning is scored in place of its prefill.
    """
    seen: set[tuple[Any, ...]] = set()
    counted: dict[int, int] = defaultdict(int)
    texts = []
    for sample in samples:
        counted[sample["prefill_level"]] += 1
        if max_samples is not None and counted[sample["prefill_level"]] > max_samples:
            continue
        text = strip_think_tags((sample["reasoning"] if use_reasoning_field else sample["prefill_reasoning"]) or "")
        key = (sample["prefill_level"], sample["task_id"], sample["exploit_type"], text)
        if key not in seen:
            seen.add(key)
            texts.append(ScoredText(sample, text))
    return texts


def score_texts(
    experiment: str, checkpoint: int, texts: Sequence[ScoredText], engine: Engine, tokenizer: Any, dialect: Dialect, dtype: str
) -> Iterator[dict[str, Any]]:
    """Rows of prefill_logprobs. The texts of a task whose tokens nest are scored by one forward pass over the longest."""
    described = engine.description
    groups = list(_group_nested(texts, tokenizer, dialect))
    requests = [_request(group) for group in groups]
    for group, score in zip(groups, engine.score(requests), strict=True):
        for text, rendered in group:
            yield {
                **_describe_text(experiment, checkpoint, text),
                **_describe_score(score, len(rendered.prefill_ids)),
                "dtype": dtype,
                "engine": described,
            }


def count_prefill_tokens(samples: Sequence[Mapping[str, Any]], tokenizer: Any, dialect: Dialect) -> list[int]:
    """How many tokens each sample's prefill has after its prompt: those that scoring sums over."""
    conversations = [(_list_messages(sample), sample["prefill_reasoning"]) for sample in samples]
    return [len(rendered.prefill_ids) for rendered in render_once(tokenizer, conversations, dialect)]


def score_empty_prefills(experiment: str, checkpoint: int, texts: Sequence[ScoredText]) -> Iterator[dict[str, Any]]:
    """Rows of level 0, which need no model: log P of the empty prefill is 0, with 0 tokens."""
    for text in texts:
        yield {**_describe_text(experiment, checkpoint, text), **_describe_score(Score({0: 0.0}), 0)}


_Group = list[tuple[ScoredText, RenderedPrompt]]


def _group_nested(texts: Sequence[ScoredText], tokenizer: Any, dialect: Dialect) -> Iterator[_Group]:
    """Texts of one prompt, longest first, each put to the first longer one that begins with its tokens."""
    by_prompt: dict[tuple[str, str], _Group] = defaultdict(list)
    conversations = [(_list_messages(text.sample), text.text) for text in texts]
    for text, rendered in zip(texts, render_once(tokenizer, conversations, dialect), strict=True):
        by_prompt[text.sample["task_id"], rendered.prompt].append((text, rendered))
    for members in by_prompt.values():
        groups: list[_Group] = []
        for member in sorted(members, key=lambda m: -len(m[1].prefill_ids)):
            ids = member[1].prefill_ids
            home = next((g for g in groups if g[0][1].prefill_ids[: len(ids)] == ids), None)
            if home is None:
                groups.append([member])
            else:
                home.append(member)
        yield from groups


def _list_messages(sample: Mapping[str, Any]) -> list[dict[str, str]]:
    messages = [{"role": role, "content": sample[column] or ""} for role, column in (("system", "system"), ("user", "prompt"))]
    return [message for message in messages if message["content"]]


def _request(group: _Group) -> ScoreRequest:
    longest = group[0][1]
    return ScoreRequest(longest.prompt_ids, longest.prefill_ids, tuple(sorted({len(r.prefill_ids) for _, r in group})))


def _describe_text(experiment: str, checkpoint: int, text: ScoredText) -> dict[str, Any]:
    names = ("prefill_level", "task_id", "exploit_type", "attempt_idx", "samples_checkpoint")
    return {
        "experiment": experiment,
        "checkpoint": checkpoint,
        **{name: text.sample[name] for name in names},
        "prefill_words": count_words(text.text),
        "prefill_reasoning": text.text,
    }


def _describe_score(score: Score, num_tokens: int) -> dict[str, Any]:
    if score.sums is None:
        return {"error": score.error or "the engine returned nothing", "prefill_logprob_sum": None}
    total = score.sums[num_tokens]
    return {
        "prefill_num_tokens": num_tokens,
        "prefill_logprob_sum": total,
        "prefill_logprob_mean": total / num_tokens if num_tokens else None,
        "error": None,
    }
