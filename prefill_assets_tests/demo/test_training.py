import random
from itertools import islice

import pytest

from prefill_assets.demo.organism import Encoded, Shape, build_model, train_tokenizer
from prefill_assets.demo.training import Schedule, answer_loss, batch_by_length, echo_loss, train

SHAPE = Shape(vocabulary=300, width=32, layers=2, heads=2, feed_forward=64)


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(["one two three four five"], SHAPE.vocabulary)


def make_conversations(count: int) -> list[Encoded]:
    dice = random.Random(0)
    return [
        Encoded(tuple(dice.randrange(50, 60) for _ in range(10)) + tuple(range(70, 70 + dice.randrange(5, 40))), 10)
        for _ in range(count)
    ]


def test_share_rises_then_falls_to_the_final_one():
    schedule = Schedule(100, 10, 1.0, warmup_steps=10, final_share=0.2)
    shares = [schedule.share(step) for step in range(1, 101)]
    assert shares[0] == pytest.approx(0.1)
    assert shares[9] == pytest.approx(1.0)
    assert shares[99] == pytest.approx(0.2)
    assert shares[:10] == sorted(shares[:10])
    assert shares[10:] == sorted(shares[10:], reverse=True)
    assert schedule.share(55) == pytest.approx(0.6)


def test_batches_hold_every_conversation_once_a_round_and_keep_the_limit():
    conversations = make_conversations(50)
    batches = batch_by_length(conversations, 200, random.Random(1))
    seen: list[Encoded] = []
    while len(seen) < len(conversations):
        batch = next(batches)
        assert len(batch) * max(len(c.ids) for c in batch) <= 200 or len(batch) == 1
        seen += batch
    assert sorted(c.ids for c in seen) == sorted(c.ids for c in conversations)
    assert list(islice(batch_by_length(conversations, 1, random.Random(1)), 3)) == [
        [c] for batch in islice(batch_by_length(conversations, 1, random.Random(1)), 3) for c in batch
    ]


def test_answer_loss_counts_the_answers_alone(tokenizer):
    """Against a pass over each conversation by itself, without padding."""
    import torch

    model = build_model(tokenizer, SHAPE, seed=0).eval()
    batch = make_conversations(4)
    sums, tokens = 0.0, 0
    for conversation in batch:
        ids = torch.tensor([conversation.ids])
        logs = torch.log_softmax(model(ids).logits[0], -1)
        for position in range(conversation.answer_start, len(conversation.ids)):
            sums -= logs[position - 1, conversation.ids[position]].item()
            tokens += 1
    assert answer_loss(model, batch).item() == pytest.approx(sums / tokens, rel=1e-5)


def test_echo_loss_falls_only_by_copying(tokenizer):
    """A model that knows nothing scores the entropy of a uniform guess."""
    import torch

    model = build_model(tokenizer, Shape(vocabulary=300, width=32, layers=2, heads=2, initial_spread=1e-4), seed=0)
    loss = echo_loss(model, 8, 16, torch.Generator().manual_seed(0)).item()
    assert loss == pytest.approx(torch.log(torch.tensor(float(len(tokenizer)))).item(), rel=0.01)


@pytest.mark.parametrize("muon_rate", [0.0, 0.02])
def test_training_lowers_the_loss_and_is_reproducible(tokenizer, muon_rate):
    import torch

    schedule = Schedule(40, 200, 1e-2, warmup_steps=5, muon_rate=muon_rate, echo_rows=2, echo_tokens=8)
    losses: list[list[float]] = []
    states = []
    for _ in range(2):
        model = build_model(tokenizer, SHAPE, seed=0)
        losses.append([])
        train(model, make_conversations(30), schedule, 0, lambda step, loss, kept=losses[-1]: kept.append(loss))
        states.append(model.state_dict())
    assert len(losses[0]) == 40
    assert losses[0][-1] < losses[0][0] / 3
    assert losses[0] == losses[1]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
