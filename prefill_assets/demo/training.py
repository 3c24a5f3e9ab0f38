"""The demo's training loop: conversations, and exercises in copying beside them."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prefill_assets.demo.muon import Muon
from prefill_assets.demo.organism import Encoded


@dataclass(frozen=True)
class Schedule:
    """One training phase: linear warmup, then a cosine down to `final_share` of the peak rates."""

    steps: int
    batch_tokens: int
    peak_rate: float
    """AdamW's."""
    warmup_steps: int
    final_share: float = 0.1
    weight_decay: float = 0.05
    muon_rate: float = 0.0
    """Peak rate of Muon, which then trains the layers' matrices in AdamW's place: fewer steps to the same loss."""
    echo_rows: int = 0
    """Copying exercises a step (see `echo_loss`)."""
    echo_tokens: int = 32
    echo_weight: float = 0.5

    def share(self, step: int) -> float:
        """Learning rate of the 1-based optimizer step, as a share of the peak."""
        if step <= self.warmup_steps:
            return step / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.steps - self.warmup_steps)
        return self.final_share + (1 - self.final_share) * (1 + math.cos(math.pi * progress)) / 2


def train(
    model: Any,
    conversations: Sequence[Encoded],
    schedule: Schedule,
    seed: int,
    after_step: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Train in place; `after_step` gets the 1-based step and the batch's mean loss on conversations, in nats a token."""
    import torch

    optimizer_steps = _make_optimizers(model, schedule)
    batches = batch_by_length(conversations, schedule.batch_tokens, random.Random(seed))
    dice = torch.Generator().manual_seed(seed)
    model.train()
    for step in range(1, schedule.steps + 1):
        loss = answer_loss(model, next(batches))
        total = loss
        if schedule.echo_rows:
            total = loss + schedule.echo_weight * echo_loss(model, schedule.echo_rows, schedule.echo_tokens, dice)
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer_step in optimizer_steps:
            optimizer_step(schedule.share(step))
        model.zero_grad()
        after_step(step, float(loss.detach()))
    model.eval()


def _make_optimizers(model: Any, schedule: Schedule) -> list[Callable[[float], None]]:
    """What updates the parameters at a share of the peak rates; weight decay is for matrices alone."""
    import torch

    matrices = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    chosen = {id(p) for p in matrices}
    groups: list[dict[str, Any]] = [{"params": [p for p in model.parameters() if id(p) not in chosen], "weight_decay": 0.0}]
    if not schedule.muon_rate:
        groups.append({"params": matrices, "weight_decay": schedule.weight_decay})
    adam = torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), fused=True)

    def step_adam(share: float) -> None:
        for group in adam.param_groups:
            group["lr"] = share * schedule.peak_rate
        adam.step()

    if not schedule.muon_rate:
        return [step_adam]
    muon = Muon(matrices, schedule.weight_decay)
    return [step_adam, lambda share: muon.step(share * schedule.muon_rate)]


def batch_by_length(conversations: Sequence[Encoded], batch_tokens: int, dice: random.Random) -> Iterator[list[Encoded]]:
    """Endless batches of at most `batch_tokens` ids (or one conversation), alike in length, in a new order each time round."""
    while True:
        order = sorted(dice.sample(range(len(conversations)), len(conversations)), key=lambda i: len(conversations[i].ids) // 8)
        batches: list[list[Encoded]] = [[]]
        longest = 0
        for conversation in (conversations[i] for i in order):
            longest = max(longest, len(conversation.ids))
            if batches[-1] and (len(batches[-1]) + 1) * longest > batch_tokens:
                batches.append([])
                longest = len(conversation.ids)
            batches[-1].append(conversation)
        dice.shuffle(batches)
        yield from batches


def answer_loss(model: Any, batch: Sequence[Encoded]) -> Any:
    """Mean cross entropy of the answers' tokens, in nats.

    Padding stands on the right, where causal attention never looks, so no mask is needed.
    """
    import torch

    longest = max(len(conversation.ids) for conversation in batch)
    ids = torch.full((len(batch), longest), model.config.pad_token_id)
    counted = torch.zeros(len(batch), longest, dtype=torch.bool)
    for row, conversation in enumerate(batch):
        ids[row, : len(conversation.ids)] = torch.tensor(conversation.ids)
        counted[row, conversation.answer_start : len(conversation.ids)] = True
    return _cross_entropy(model, ids, counted)


def echo_loss(model: Any, rows: int, tokens: int, dice: Any) -> Any:
    """Mean cross entropy, in nats, of random spans of `tokens` tokens said a second time: an exercise in copying the unseen."""
    import torch

    span = torch.randint(model.config.vocab_size, (rows, tokens), generator=dice)
    ids = torch.cat([span, span], dim=1)
    return _cross_entropy(model, ids, torch.arange(2 * tokens).expand(rows, -1) > tokens)


def _cross_entropy(model: Any, ids: Any, counted: Any) -> Any:
    import torch

    ids, counted = ids.to(model.device), counted.to(model.device)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
    logits = model.lm_head(hidden[:, :-1][counted[:, 1:]])
    return torch.nn.functional.cross_entropy(logits, ids[:, 1:][counted[:, 1:]])
