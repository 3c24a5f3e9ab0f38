"""Sampling continuations of a batch, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from prefill_assets.engines.memory_budget import find_scoring_budget
from prefill_assets.engines.padding import pad_left
from prefill_assets.engines.protocol import Generation, GenerationRequest, Sampling
from prefill_assets.engines.rooms import Rooms, read_prompts
from prefill_assets.engines.roomy_cache import make_cache
from prefill_assets.engines.stepping import Stepper

if TYPE_CHECKING:
    import torch

    from prefill_assets.engines.loaded_model import LoadedModel

NOT_FINITE = "the model's logits are not finite numbers"

_SPARSE = 0.75
"""Rows that have ended cost as much as the others: once fewer than this share are active, the others are dropped."""


class Speaker(Protocol):
    """Who wrote tokens: what turns them into text, and which of them end a turn."""

    @property
    def tokenizer(self) -> Any: ...

    @property
    def stop_ids(self) -> frozenset[int]: ...


def sample_batch(
    loaded: LoadedModel, requests: Sequence[GenerationRequest], sampling: Sampling, *, packed: bool
) -> list[Generation]:
    """Continue every request to a stop token, `max_tokens` or the end of the context; its draws come from its seed.

    With `packed`, prompts are read packed and kept in rooms; raises CannotPackError where that cannot be.
    """
    import torch

    context = loaded.context_tokens
    limits = [min(sampling.max_tokens, context - len(r.token_ids)) if context else sampling.max_tokens for r in requests]
    with torch.inference_mode():
        written = (_write_in_rooms if packed else _write)(loaded, requests, sampling, limits)
    return [
        Generation(error=NOT_FINITE) if ids is None else read_generation(loaded, request, ids)
        for request, ids in zip(requests, written, strict=True)
    ]


def _write(
    loaded: LoadedModel, requests: Sequence[GenerationRequest], sampling: Sampling, limits: Sequence[int]
) -> list[list[int] | None]:
    """Token ids that each request got, the stop token included, at most `limits` of them; None where the model broke.

    A prompt that several requests share is read once, and its keys and values are copied for each of them.
    """
    import torch

    model, device = loaded.model, loaded.model.device
    cache = make_cache(model)
    selectable = cache is not None
    prompts, sources = _find_distinct([request.token_ids for request in requests], shared=selectable)
    ids, mask = pad_left(prompts, device)
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    draws = _draw_uniforms([request.seed for request in requests], max(limits)).to(device)
    stops = torch.tensor(sorted(loaded.stop_ids), device=device)
    ends = torch.tensor(limits, device=device)
    rows = torch.arange(len(requests), device=device)
    active = torch.ones(len(requests), dtype=torch.bool, device=device)
    broken = torch.zeros_like(active)
    written: list[list[int]] = [[] for _ in requests]
    for step in range(max(limits)):
        out = model(
            input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1
        )
        cache = out.past_key_values
        logits = out.logits[:, -1].to(device)
        if len(logits) < len(rows):
            spread = torch.tensor(sources, device=device)
            cache.batch_select_indices(spread)
            logits, positions, mask = logits[spread], positions[spread], mask[spread]
        broken[rows] |= active & ~logits.amax(-1).isfinite()
        chosen = choose_tokens(logits, draws[rows, step], sampling)
        for row, token in zip(rows[active].tolist(), chosen[active].tolist(), strict=True):
            written[row].append(token)
        active = active & ~broken[rows] & ~torch.isin(chosen, stops) & (ends[rows] > step + 1)
        if not active.any():
            break
        ids, positions = chosen[:, None], positions[:, -1:] + 1
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], dim=1)
        if selectable and active.sum() <= _SPARSE * len(active):
            cache.batch_select_indices(active.nonzero()[:, 0])
            ids, positions, mask, rows = ids[active], positions[active], mask[active], rows[active]
            active = active[active]
    return [None if fault else ids for ids, fault in zip(written, broken.tolist(), strict=True)]


def _write_in_rooms(
    loaded: LoadedModel, requests: Sequence[GenerationRequest], sampling: Sampling, limits: Sequence[int]
) -> list[list[int] | None]:
    """The same for models whose layers all look at other tokens by plain causal attention; tokens stay on the device."""
    import torch

    model, device = loaded.model, loaded.model.device
    prompts, sources = _find_distinct([request.token_ids for request in requests], shared=True)
    rooms = Rooms.make([len(request.token_ids) for request in requests], limits, device)
    logits = read_prompts(model, rooms, prompts, sources, find_scoring_budget(model)).to(device)
    stepper = Stepper(model, rooms)
    draws = _draw_uniforms([request.seed for request in requests], max(limits)).to(device)
    stops = torch.tensor(sorted(loaded.stop_ids), device=device)
    ends = torch.tensor(limits, device=device)
    rows = torch.arange(len(requests), device=device)
    active = torch.ones(len(requests), dtype=torch.bool, device=device)
    broken = torch.zeros_like(active)
    written = torch.zeros(len(requests), max(limits), dtype=torch.long, device=device)
    counts = torch.zeros(len(requests), dtype=torch.long, device=device)
    for step in range(max(limits)):
        broken[rows] |= active & ~logits.amax(-1).isfinite()
        chosen = choose_tokens(logits, draws[rows, step], sampling)
        written[rows, step] = chosen
        counts[rows] += active
        active = active & ~broken[rows] & ~torch.isin(chosen, stops) & (ends[rows] > step + 1)
        going_on = int(active.sum())
        if not going_on:
            break
        if going_on <= _SPARSE * len(active):
            rooms.select(active.nonzero()[:, 0])
            rows, chosen, active = rows[active], chosen[active], active[active]
        logits = stepper.advance(chosen, step).to(device)
        rooms.positions += active[:, None]
    return [
        None if fault else ids[:count]
        for ids, count, fault in zip(written.tolist(), counts.tolist(), broken.tolist(), strict=True)
    ]


def _find_distinct(prompts: Sequence[tuple[int, ...]], *, shared: bool) -> tuple[list[tuple[int, ...]], list[int]]:
    """The distinct prompts, and for each of all prompts which one it is; all of them where prompts cannot be shared."""
    if not shared:
        return list(prompts), list(range(len(prompts)))
    places: dict[tuple[int, ...], int] = {}
    sources = [places.setdefault(prompt, len(places)) for prompt in prompts]
    return list(places), sources


def choose_tokens(logits: torch.Tensor, draws: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """A token for each row of logits (rows x vocabulary) by inverse transform of its draw; the likeliest at temperature 0."""
    import torch

    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits.float() / sampling.temperature, -1)
    if sampling.top_p == 1:  # any order serves, and sorting is a third of a small model's step
        return _find_quantile(probabilities, draws)
    ordered, tokens = probabilities.sort(-1, descending=True)
    nucleus = (ordered.cumsum(-1) - ordered) < sampling.top_p
    return tokens.gather(-1, _find_quantile(ordered * nucleus, draws)[:, None])[:, 0]


def _find_quantile(weights: torch.Tensor, draws: torch.Tensor) -> torch.Tensor:
    """For each row of weights (rows x choices), the choice at its draw in [0, 1) of the row's total."""
    import torch

    cumulative = weights.cumsum(-1)
    place = torch.searchsorted(cumulative, draws[:, None] * cumulative[:, -1:], right=True)
    return place.clamp(max=weights.shape[-1] - 1)[:, 0]


def _draw_uniforms(seeds: Sequence[int], count: int) -> torch.Tensor:
    """Rows x count uniform draws; a row depends on its seed alone, whatever else is in the batch."""
    import torch

    return torch.stack([torch.rand(count, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def read_generation(speaker: Speaker, request: GenerationRequest, tokens: list[int]) -> Generation:
    """The text that these tokens add to the request's: some tokenizers drop a space at the start of what they decode."""
    stopped = bool(tokens) and tokens[-1] in speaker.stop_ids
    new = tokens[:-1] if stopped else tokens
    last = list(request.token_ids[-1:])

    def decode(ids: list[int]) -> str:
        return speaker.tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    before, whole = decode(last), decode(last + new)
    text = whole.removeprefix(before) if whole.startswith(before) else decode(new)
    return Generation(tuple(tokens), text, "stop" if stopped else "length")
