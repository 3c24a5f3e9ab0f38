"""Rows continued token by token in rooms, against one pass over each whole row."""

from __future__ import annotations

import random

import pytest

from prefill_assets.engines import rooms as rooms_module
from prefill_assets.engines.packing import CannotPackError
from prefill_assets.engines.rooms import Rooms, read_prompts
from prefill_assets.engines.stepping import Stepper
from prefill_assets_tests.engines.families import PACKING, VOCABULARY, make_family
from prefill_assets_tests.engines.test_packing import make_sequences

SOURCES = (0, 0, 1, 2, 1)
STEPS = 9


@pytest.fixture
def narrow(monkeypatch):
    """Columns that come a few at a time, so that rooms grow on the way."""
    monkeypatch.setattr(rooms_module, "_ALIGNED", 2)
    monkeypatch.setattr(rooms_module, "_STRETCH", 3)


def read_whole(model, ids):
    import torch

    return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]


@pytest.mark.parametrize("tokens", [1, 40, 1000])
@pytest.mark.parametrize("family", PACKING)
def test_every_step_gives_the_logits_of_a_pass_over_the_whole_row(narrow, family, tokens):
    """With prompts that rows share, read in one pack or several, rooms that grow, and rows that are given up."""
    import torch

    model, prompts, dice = make_family(family), make_sequences(30, 1, 12), random.Random(1)
    rows = [list(prompts[source]) for source in SOURCES]
    rooms = Rooms.make([len(row) for row in rows], [STEPS] * len(rows), model.device)
    stepper = Stepper(model, rooms)
    with torch.inference_mode():
        logits = read_prompts(model, rooms, prompts, SOURCES, tokens)
        for step in range(STEPS - 1):
            assert (logits - torch.stack([read_whole(model, row) for row in rows])).abs().max() < 1e-4
            if step == 4:
                rooms.select(torch.tensor([0, 2, 3]))
                rows = [rows[0], rows[2], rows[3]]
            chosen = [dice.randrange(VOCABULARY) for _ in rows]
            for row, token in zip(rows, chosen, strict=True):
                row.append(token)
            logits = stepper.advance(torch.tensor(chosen), step)
            rooms.positions += 1

    assert rooms.columns <= 30 + STEPS + 1


def test_columns_in_sight_hold_what_is_written_and_stay_the_same_for_a_while():
    rooms = Rooms.make([700, 300], [1000, 1000], make_family("llama").device)

    sights = [rooms.count_columns_in_sight(step) for step in range(1000)]

    assert all(sight >= min(700 + step + 1, 1700) for step, sight in enumerate(sights))
    assert len(set(sights)) == 8
    assert max(sights) == rooms.most_columns == 1728
    assert rooms.columns == sights[0] < rooms.most_columns, "a CPU takes memory as it is needed"


def test_a_window_shorter_than_what_is_written_is_refused():
    import torch

    model, prompts = make_family("mistral"), make_sequences(8)
    rooms = Rooms.make([8], [20], model.device)

    with torch.inference_mode():
        read_prompts(model, rooms, prompts, [0], 100)
        with pytest.raises(CannotPackError):
            Stepper(model, rooms).advance(torch.tensor([5]), 0)
