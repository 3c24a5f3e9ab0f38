"""When a step is recorded, told without a GPU: what stands for its recorder runs the step again where it would be played."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from prefill_assets.engines.rooms import Rooms, read_prompts
from prefill_assets.engines.stepping import Stepper
from prefill_assets_tests.engines.families import make_family
from prefill_assets_tests.engines.test_packing import make_sequences


@pytest.fixture
def device(monkeypatch):
    """Notes what is recorded and played; `wait` is what a layer does that waits for the GPU."""
    import torch

    class Recorder:
        stepper: Any = None

        def replay(self):
            done.append("replay")
            stepper = self.stepper
            stepper._logits.copy_(stepper._run(stepper._shape[1]))

    @contextmanager
    def record(graph, **_):
        done.append("record")
        yield

    done: list[str] = []
    mode = ["default"]
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Recorder)
    monkeypatch.setattr(torch.cuda, "graph", record)
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: mode[0])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", partial(mode.__setitem__, 0))

    class Device:
        def __init__(self):
            self.done, self.mode, self.recorder = done, mode, Recorder

        def wait(self, *_):
            if mode[0] == "error":
                raise RuntimeError("called a synchronizing CUDA operation")

    return Device()


def continue_rows(model, device, *, on_gpu: bool, steps: int = 6):
    import torch

    prompts = make_sequences(9, 4)
    rooms = Rooms.make([9, 4], [steps + 1] * 2, model.device)
    stepper = Stepper(model, rooms)
    stepper._on_one_gpu, device.recorder.stepper = on_gpu, stepper
    found = []
    with torch.inference_mode():
        logits = read_prompts(model, rooms, prompts, [0, 1], 100)
        for step in range(steps):
            logits = stepper.advance(logits.argmax(-1), step)
            found.append(logits.clone())
            rooms.positions += 1
    return torch.stack(found)


def test_the_first_step_runs_the_second_is_watched_and_the_third_is_recorded(device):
    import torch

    model = make_family("llama")
    expected = continue_rows(model, device, on_gpu=False)
    assert device.done == []

    assert torch.equal(continue_rows(model, device, on_gpu=True), expected)
    assert device.done == ["record", *["replay"] * 4]
    assert device.mode == ["default"]

    device.done.clear()
    assert torch.equal(continue_rows(model, device, on_gpu=True), expected)
    assert device.done == ["record", *["replay"] * 5], "a model is watched once"


def test_a_step_that_waits_for_the_gpu_is_never_recorded(device):
    import torch

    model = make_family("llama")
    expected = continue_rows(model, device, on_gpu=False)
    model.model.layers[1].register_forward_hook(device.wait)

    for _ in range(2):
        assert torch.equal(continue_rows(model, device, on_gpu=True), expected)
    assert device.done == []
    assert device.mode == ["default"]
