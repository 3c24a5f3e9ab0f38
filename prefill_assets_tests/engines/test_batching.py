"""Which requests run together, told by the batches that are launched."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from prefill_assets.engines.batching import Batches


class Device:
    """Sums numbers, a batch at a time, in a memory of so many tokens; a number counts for as many tokens."""

    def __init__(self, memory: int, *, packed: bool):
        self.memory, self.packed = memory, packed
        self.launched: list[list[int]] = []
        self.events: list[str] = []

    def launch(self, batch: Sequence[int]):
        import torch

        if (sum(batch) if self.packed else max(batch) * len(batch)) > self.memory:
            raise torch.OutOfMemoryError("simulated")
        self.launched.append(list(batch))
        self.events.append(f"launch {len(self.launched)}")
        number = len(self.launched)

        def read() -> list[str]:
            self.events.append(f"read {number}")
            return [f"done {n}" for n in batch]

        return read

    def run(self, numbers: Sequence[int], tokens: int | None, rows: int | None = None) -> list[str]:
        batches: Batches[int, str] = Batches(
            length=lambda n: n, launch=self.launch, give_up=lambda: "gave up", tokens=tokens, rows=rows, packed=self.packed
        )
        return list(batches.run(numbers, lambda n: "rejected" if n == 0 else None))


def test_packed_requests_run_as_they_come_up_to_the_budget():
    device = Device(100, packed=True)

    assert device.run([3, 4, 3, 9, 1, 12, 2], 10) == [f"done {n}" for n in (3, 4, 3, 9, 1, 12, 2)]
    assert device.launched == [[3, 4, 3], [9, 1], [12], [2]]


def test_padded_requests_run_longest_first_each_as_long_as_the_longest():
    device = Device(100, packed=False)

    assert device.run([3, 4, 3, 9, 1, 12, 2], 10) == [f"done {n}" for n in (3, 4, 3, 9, 1, 12, 2)]
    assert device.launched == [[12], [9], [4, 3], [3, 2, 1]]


def test_rows_bound_a_batch_too():
    device = Device(100, packed=False)
    device.run([1, 1, 1, 1, 1], None, rows=2)

    assert device.launched == [[1, 1], [1, 1], [1]]


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("memory", [4, 7, 15, 31])
def test_after_running_out_of_memory_no_batch_is_as_large(packed, memory):
    device = Device(memory, packed=packed)
    numbers = [3, 1, 4, 1, 0, 5, 2, 4, 3, 3, 2]

    found = device.run(numbers, 1000)

    fits = [f"done {n}" if n <= memory else "gave up" for n in numbers]
    assert found == ["rejected" if n == 0 else fit for n, fit in zip(numbers, fits, strict=True)]
    assert sorted(n for batch in device.launched for n in batch) == sorted(n for n in numbers if 0 < n <= memory)


def test_a_batch_is_computed_while_the_one_before_is_read():
    device = Device(100, packed=True)
    device.run([5, 5, 5], 5)

    assert device.events == ["launch 1", "launch 2", "read 1", "launch 3", "read 2", "read 3"]


def test_results_come_as_soon_as_their_turn_has():
    device = Device(100, packed=True)
    batches: Batches[int, str] = Batches(
        length=lambda n: n, launch=device.launch, give_up=lambda: "gave up", tokens=5, packed=True
    )
    results = batches.run([0, 5, 5, 5], lambda n: "rejected" if n == 0 else None)

    assert next(results) == "rejected"
    assert next(results) == "done 5"
    assert len(device.launched) == 2, "the third waits until the first was read"


def test_nothing_asked_is_nothing_launched():
    device = Device(100, packed=True)

    assert device.run([], 5) == []
    assert device.run([0, 0], 5) == ["rejected", "rejected"]
    assert device.launched == []
