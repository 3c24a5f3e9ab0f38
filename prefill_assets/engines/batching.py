"""Which requests run together: those of like length, within a budget of tokens that gives way where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

Request = TypeVar("Request")
Result = TypeVar("Result")


class Batches(Generic[Request, Result]):
    """Runs requests in batches of at most `rows` requests and `tokens` tokens (None: any), and at least one request.

    Padded batches take the longest first, and every request counts as much as the batch's longest; packed ones take requests as
    they come. `launch` begins a batch and returns the function that waits for its results: the host prepares a batch while the
    device computes the one before. A batch that runs out of memory is halved, and no later one is as large; a request that does
    not fit alone gets `give_up()`.
    """

    def __init__(
        self,
        *,
        length: Callable[[Request], int],
        launch: Callable[[Sequence[Request]], Callable[[], list[Result]]],
        give_up: Callable[[], Result],
        tokens: int | None,
        rows: int | None = None,
        packed: bool = False,
    ):
        self.length, self.launch, self.give_up = length, launch, give_up
        self.tokens, self.rows, self.packed = tokens, rows, packed

    def run(self, requests: Sequence[Request], reject: Callable[[Request], Result | None]) -> Iterator[Result]:
        """A result for each request, in the order asked for, as they complete; `reject` answers what needs no device."""
        results: dict[int, Result] = {}
        for i, request in enumerate(requests):
            if (rejected := reject(request)) is not None:
                results[i] = rejected
        order = [i for i in range(len(requests)) if i not in results]
        if not self.packed:
            order.sort(key=lambda i: -self.length(requests[i]))
        following = 0
        for done in self._run_batches(requests, order):
            results.update(done)
            while following in results:
                yield results.pop(following)
                following += 1
        while following in results:
            yield results.pop(following)
            following += 1

    def _run_batches(self, requests: Sequence[Request], order: list[int]) -> Iterator[dict[int, Result]]:
        """Results by index, batch by batch, one batch being computed while the one before is read."""
        running: tuple[list[int], Callable[[], list[Result]]] | None = None
        while order:
            batch = list(self._fill(requests, order))
            launched = self._try_to_launch([requests[i] for i in batch])
            if running is not None:
                yield _collect(running)
                running = None
            if launched is None:
                _free_memory()
                launched = self._try_to_launch([requests[i] for i in batch])  # now with nothing else on the device
            if launched is not None:
                running = (batch, launched)
            elif len(batch) > 1:
                self.tokens = self._count_tokens(requests, batch) // 2
                _free_memory()
                continue
            else:
                yield {batch[0]: self.give_up()}
            order = order[len(batch) :]
        if running is not None:
            yield _collect(running)

    def _fill(self, requests: Sequence[Request], order: Sequence[int]) -> Iterator[int]:
        """The next batch: at least one request, then as many as fit."""
        used = 0
        for count, i in enumerate(order):
            used += self.length(requests[i if self.packed else order[0]])
            if count and (count == self.rows or (self.tokens is not None and used > self.tokens)):
                return
            yield i

    def _count_tokens(self, requests: Sequence[Request], batch: Sequence[int]) -> int:
        lengths = [self.length(requests[i]) for i in batch]
        return sum(lengths) if self.packed else max(lengths) * len(lengths)

    def _try_to_launch(self, batch: Sequence[Request]) -> Callable[[], list[Result]] | None:
        """None where memory runs out; the handler is left first, since its traceback holds the tensors that must go."""
        import torch

        try:
            return self.launch(batch)
        except torch.OutOfMemoryError:
            return None


def _collect(running: tuple[list[int], Callable[[], list[Result]]]) -> dict[int, Result]:
    batch, read = running
    return dict(zip(batch, read(), strict=True))


def _free_memory() -> None:
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
