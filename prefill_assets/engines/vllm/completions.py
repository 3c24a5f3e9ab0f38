"""What is asked of /v1/completions, and how its answers are read: token ids in, token ids and log probabilities out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefill_assets.engines.protocol import GenerationRequest, Sampling, Score, ScoreRequest
from prefill_assets.errors import InputError

CLAMPED_LOG_PROB = -9999.0
"""What vLLM says for minus infinity, which JSON cannot hold."""
NOT_JSON = "not JSON compliant"
BROKEN_TAIL_TOKENS = 8
NOT_FINITE = "the model's logits are not finite numbers"


@dataclass(frozen=True)
class Prompt:
    """Attempts that share a prompt and whose seeds follow each other: one request. Greedy attempts are all alike: one choice."""

    token_ids: tuple[int, ...]
    seed: int
    attempts: int


def group_attempts(requests: Sequence[GenerationRequest], *, greedy: bool) -> Iterator[Prompt]:
    """Neighbours with one prompt as one; vLLM gives choice i of a request the seed `seed + i`, so each keeps its own seed."""
    last: Prompt | None = None
    for request in requests:
        if last and request.token_ids == last.token_ids and (greedy or request.seed == last.seed + last.attempts):
            last = Prompt(last.token_ids, last.seed, last.attempts + 1)
            continue
        if last:
            yield last
        last = Prompt(request.token_ids, request.seed, 1)
    if last:
        yield last


def ask_to_generate(model: str, prompt: Prompt, sampling: Sampling, stop_ids: Sequence[int], context: int) -> dict[str, Any]:
    """Every sampling parameter is said: a server may take its defaults from the model's generation_config.json."""
    return {
        "model": model,
        "prompt": list(prompt.token_ids),
        "n": 1 if sampling.temperature == 0 else prompt.attempts,
        "seed": prompt.seed,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "top_k": 0,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "max_tokens": min(sampling.max_tokens, context - len(prompt.token_ids)),
        "stop_token_ids": list(stop_ids),
        "skip_special_tokens": False,
        "return_token_ids": True,
    }


def ask_for_nan(model: str, token_ids: Sequence[int]) -> dict[str, Any]:
    """One token with its log probability: vLLM refuses with NOT_JSON where that is NaN, and without it samples token 0."""
    return {"model": model, "prompt": list(token_ids), "max_tokens": 1, "temperature": 0.0, "logprobs": 0}


def looks_broken(token_ids: Sequence[int]) -> bool:
    """Whether the tokens are, or end in, what a model whose logits are NaN makes: one token again and again."""
    return len(set(token_ids[-BROKEN_TAIL_TOKENS:])) <= 1


def ask_to_score(model: str, request: ScoreRequest) -> dict[str, Any]:
    """One token has to be generated; it is thrown away. `prompt_logprobs: 0` is the prompt's own tokens and no others."""
    token_ids = [*request.prompt_ids, *request.prefill_ids[: max(request.lengths)]]
    return {
        "model": model,
        "prompt": token_ids,
        "max_tokens": 1,
        "temperature": 0.0,
        "prompt_logprobs": 0,
        "return_token_ids": True,
    }


def read_choices(prompt: Prompt, answer: dict[str, Any], *, greedy: bool) -> list[tuple[tuple[int, ...], str | None]]:
    """Token ids and finish reason of each attempt, in order. Raises InputError where it is not what was asked for."""
    choices = sorted(answer.get("choices") or [], key=lambda choice: choice["index"])
    expected = 1 if greedy else prompt.attempts
    if len(choices) != expected:
        raise _complain(f"{len(choices)} choices came back, and {expected} were asked for")
    _check_prompt(choices[0], prompt.token_ids)
    read = [(tuple(choice["token_ids"]), choice.get("finish_reason")) for choice in choices]
    return read * prompt.attempts if greedy else read


def read_score(request: ScoreRequest, answer: dict[str, Any]) -> Score:
    """Sums over the first tokens of the prefill, in float64. Raises InputError where it is not what was asked for.

    Entry i of `prompt_logprobs` maps token i of the prompt to log P(token i | tokens before it).
    """
    token_ids = (*request.prompt_ids, *request.prefill_ids[: max(request.lengths)])
    choice = answer["choices"][0]
    _check_prompt(choice, token_ids)
    entries = choice.get("prompt_logprobs") or answer.get("prompt_logprobs") or []
    if len(entries) != len(token_ids):
        raise _complain(f"log probabilities of {len(entries)} tokens came back, and {len(token_ids)} were asked for")
    begin = len(request.prompt_ids)
    log_probs = []
    for token, entry in zip(token_ids[begin:], entries[begin:], strict=True):
        if not entry or str(token) not in entry:
            raise _complain(f"no log probability of token {token} came back")
        log_probs.append(float(entry[str(token)]["logprob"]))
    if any(not math.isfinite(value) or value <= CLAMPED_LOG_PROB for value in log_probs):
        return Score(None, NOT_FINITE)
    return Score({length: math.fsum(log_probs[:length]) for length in request.lengths})


def read_refusal(message: str) -> str:
    """The server's words, save where they hide what happened."""
    return NOT_FINITE if NOT_JSON in message else message


def _complain(fault: str) -> InputError:
    return InputError(
        f"the vLLM server is not to be trusted: {fault}", remedy="use vLLM 0.10.2 or later, without a proxy that changes answers"
    )


def _check_prompt(choice: dict[str, Any], token_ids: Sequence[int]) -> None:
    """The server says which ids it saw."""
    seen = choice.get("prompt_token_ids")
    if seen is None or choice.get("token_ids") is None:
        raise _complain("it returns no token ids")
    if tuple(seen) != tuple(token_ids):
        raise _complain("it saw other token ids than it was sent")
