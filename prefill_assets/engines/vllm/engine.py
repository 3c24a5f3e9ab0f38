"""One checkpoint, as a vLLM server serves it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling, Score, ScoreRequest
from prefill_assets.engines.sampling import read_generation
from prefill_assets.engines.vllm import completions
from prefill_assets.engines.vllm.client import Client, Refused, ServerGone
from prefill_assets.engines.vllm.completions import Prompt
from prefill_assets.engines.vllm.dispatch import Dispatch
from prefill_assets.errors import InputError

PATH = "/v1/completions"
CONFIGS = ("generation_config.json", "config.json")
SECOND_TRY_SECONDS = 1.0
HIGHEST_TEMPERATURE = 2.0
MOST_SCORED_AT_ONCE = 16
"""Scoring is prefill, which fills the device with few requests; each answer is long."""


class Link(Protocol):
    """The server behind an engine. After `recover` it may be another process, at another address."""

    @property
    def client(self) -> Client: ...

    @property
    def model(self) -> str:
        """What requests call the checkpoint."""
        ...

    @property
    def context_tokens(self) -> int: ...

    @property
    def description(self) -> str: ...

    @property
    def takes_adapters(self) -> bool:
        """Whether the server runs LoRA layers: in 0.32.0 these take prompt log probabilities of one request at a time, or die."""
        ...

    def stop(self) -> None:
        """Make what is in flight fail."""
        ...

    def recover(self, reason: str) -> None:
        """Bring the server back, with the same checkpoint. Raises InputError where it cannot be."""
        ...

    def explain(self, reason: str) -> InputError:
        """Why there is no going on, and what to do."""
        ...


@dataclass(frozen=True)
class _Choice:
    """What came back for one attempt: tokens and why they ended, or an error."""

    token_ids: tuple[int, ...] = ()
    finish_reason: str | None = None
    error: str | None = None


class VllmEngine:
    """`concurrency` requests in flight; attempts of one prompt are one request.

    A server that dies is brought back and asked what it has not answered; one that dies again and again raises InputError.
    """

    def __init__(self, link: Link, tokenizer: Any, stop_ids: frozenset[int], concurrency: int):
        self.link, self.tokenizer, self.stop_ids, self.concurrency = link, tokenizer, stop_ids, concurrency

    @property
    def description(self) -> str:
        return self.link.description

    def generate(self, requests: Sequence[GenerationRequest], sampling: Sampling) -> Iterator[Generation]:
        if sampling.temperature > HIGHEST_TEMPERATURE:
            raise InputError(
                f"temperature {sampling.temperature:g} is over {HIGHEST_TEMPERATURE:g}, the highest that vLLM takes",
                remedy="lower it, or use engine: transformers",
            )
        prompts = list(completions.group_attempts(requests, greedy=sampling.temperature == 0))

        def ask(prompt: Prompt) -> list[_Choice]:
            return self._ask_to_generate(prompt, sampling)

        def give_up(prompt: Prompt, reason: str) -> list[_Choice]:
            return [_Choice(error=f"the server died of it: {reason}")] * prompt.attempts

        following = iter(requests)
        for choices in self._dispatch(prompts, ask, give_up, self.concurrency):
            for choice in choices:
                yield self._read(next(following), choice)

    def score(self, requests: Sequence[ScoreRequest]) -> Iterator[Score]:
        def give_up(request: ScoreRequest, reason: str) -> Score:
            return Score(None, f"the server died of it: {reason}")

        limit = 1 if self.link.takes_adapters else min(self.concurrency, MOST_SCORED_AT_ONCE)
        yield from self._dispatch(requests, self._ask_to_score, give_up, limit)

    def close(self) -> None:
        """The server belongs to the host."""

    def _dispatch(self, jobs: Sequence[Any], ask: Any, give_up: Any, limit: int) -> Iterator[Any]:
        link = self.link
        dispatch = Dispatch(jobs, ask, concurrency=limit, stop=link.stop, recover=link.recover, give_up=give_up)
        try:
            yield from dispatch.run()
        except ServerGone as death:
            raise link.explain(str(death)) from death

    def _ask_to_generate(self, prompt: Prompt, sampling: Sampling) -> list[_Choice]:
        link, greedy = self.link, sampling.temperature == 0
        if len(prompt.token_ids) >= link.context_tokens:
            error = f"the prompt fills the model's context of {link.context_tokens} tokens"
            return [_Choice(error=error)] * prompt.attempts
        body = completions.ask_to_generate(link.model, prompt, sampling, sorted(self.stop_ids), link.context_tokens)
        try:
            choices = completions.read_choices(prompt, self._post(body), greedy=greedy)
        except Refused as refusal:
            return [_Choice(error=completions.read_refusal(refusal.message))] * prompt.attempts
        return [self._doubt(prompt, _Choice(*choice)) for choice in choices]

    def _doubt(self, prompt: Prompt, choice: _Choice) -> _Choice:
        """Ask again for the last token of what looks broken: NaN would pass for a silent model."""
        if not completions.looks_broken(choice.token_ids):
            return choice
        try:
            self._post(completions.ask_for_nan(self.link.model, (*prompt.token_ids, *choice.token_ids[:-1])))
        except Refused as refusal:
            return _Choice(error=completions.read_refusal(refusal.message))
        return choice

    def _ask_to_score(self, request: ScoreRequest) -> Score:
        longest, context = max(request.lengths), self.link.context_tokens
        if longest == 0:
            return Score(dict.fromkeys(request.lengths, 0.0))
        if len(request.prompt_ids) + longest >= context:  # the server has to add a token
            return Score(None, f"prompt and prefill fill the model's context of {context} tokens")
        try:
            return completions.read_score(request, self._post(completions.ask_to_score(self.link.model, request)))
        except Refused as refusal:
            return Score(None, completions.read_refusal(refusal.message))

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        """The answer. Raises Refused for what is wrong with this request alone, InputError for what is wrong with all of them."""
        client = self.link.client
        try:
            try:
                return client.post(PATH, body)
            except Refused as refusal:
                if refusal.status < 500:
                    raise
                time.sleep(SECOND_TRY_SECONDS)
                return client.post(PATH, body)
        except Refused as refusal:
            if refusal.status in (404, 405):
                raise InputError(
                    f"{self.link.model!r} is not served at {client.base_url}: {refusal.message}",
                    remedy="serve it there, or mend vllm_base_url and vllm_model",
                ) from refusal
            raise

    def _read(self, request: GenerationRequest, choice: _Choice) -> Generation:
        if choice.error is not None:
            return Generation(error=choice.error)
        if choice.finish_reason not in ("stop", "length"):
            return Generation(error=f"the server ended it with {choice.finish_reason!r}")
        ended = {choice.token_ids[-1]} if choice.finish_reason == "stop" and choice.token_ids else set()
        return read_generation(Turn(self.tokenizer, self.stop_ids | ended), request, list(choice.token_ids))


@dataclass(frozen=True)
class Turn:
    """What one answer was written with."""

    tokenizer: Any
    stop_ids: frozenset[int]


def find_stop_ids(weights: Path, tokenizer: Any) -> frozenset[int]:
    """Tokens that end a turn: what generation_config.json names, else config.json, and the tokenizer's end of sequence.

    Raises InputError where the file is broken.
    """
    named: Any = None
    path = next((path for name in CONFIGS if (path := weights / name).is_file()), None)
    if path is not None:
        try:
            named = json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")
        except (ValueError, AttributeError) as error:
            raise InputError(f"not a model's configuration: {error}", path=path, remedy="save the checkpoint again") from error
    ids = named if isinstance(named, list) else [named]
    return frozenset(i for i in [*ids, tokenizer.eos_token_id] if i is not None)
