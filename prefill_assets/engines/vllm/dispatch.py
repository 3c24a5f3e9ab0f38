"""Many requests at once to a server that may die: answers in order, and each asked for once unless its answer was lost."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, TypeVar

from prefill_assets.engines.vllm.client import ServerGone

Job = TypeVar("Job")
Answer = TypeVar("Answer")

DEATHS_BEFORE_ALONE = 2
"""A request that was in flight so often when the server died is asked alone, so that it takes no other down with it."""
MOST_FRUITLESS = 3
"""So often the server may die without an answer in between."""
ABANDONED_SECONDS = 5.0


class Dispatch(Generic[Job, Answer]):
    """One run over a list of jobs, `concurrency` of them in flight.

    `ask` answers a job, in a thread of ours; it raises ServerGone where the server has died, and what else it raises ends the
    run. `stop` makes whatever is in flight fail soon; `recover` brings the server back, or raises. A job that kills the server
    although it is alone gets the answer of `give_up`. ServerGone is raised where the server dies over and over.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        ask: Callable[[Job], Answer],
        *,
        concurrency: int,
        stop: Callable[[], None],
        recover: Callable[[str], None],
        give_up: Callable[[Job, str], Answer],
    ):
        self.jobs, self.ask, self.concurrency = jobs, ask, concurrency
        self.stop, self.recover, self.give_up = stop, recover, give_up
        self._waiting = deque(range(len(jobs)))
        self._alone: deque[int] = deque()
        self._deaths = [0] * len(jobs)
        self._answers: dict[int, Answer] = {}
        self._todo: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, Answer | None, BaseException | None]] = queue.SimpleQueue()
        self._in_flight: set[int] = set()
        self._threads: list[threading.Thread] = []
        self._fruitless = 0

    def run(self) -> Iterator[Answer]:
        """Answers in the order of the jobs, as early as they can be had."""
        finished = False
        try:
            following = 0
            while following < len(self.jobs):
                while following in self._answers:
                    yield self._answers.pop(following)
                    following += 1
                if following < len(self.jobs):
                    self._submit()
                    self._receive()
            finished = True
        finally:
            self._end(in_order=finished)

    def _submit(self) -> None:
        """Fill the flight; those that have to be alone come last, one at a time."""
        while self._waiting and len(self._in_flight) < self.concurrency:
            self._send(self._waiting.popleft())
        if not self._in_flight and self._alone:
            self._send(self._alone.popleft())

    def _send(self, index: int) -> None:
        self._in_flight.add(index)
        if len(self._threads) < min(self.concurrency, len(self.jobs)):
            thread = threading.Thread(target=self._work, name="vllm-request", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._todo.put(index)

    def _work(self) -> None:
        while (index := self._todo.get()) is not None:
            try:
                self._done.put((index, self.ask(self.jobs[index]), None))
            except BaseException as error:
                self._done.put((index, None, error))

    def _receive(self) -> None:
        """Take one answer; where the server died, all that are in flight, and then bring it back."""
        index, answer, error = self._done.get()
        self._in_flight.discard(index)
        if error is None:
            self._answers[index] = answer  # pyright: ignore[reportArgumentType]
            self._fruitless = 0
            return
        if not isinstance(error, ServerGone):
            raise error
        alone = len(self._in_flight) == 0 and self._deaths[index] >= DEATHS_BEFORE_ALONE
        self.stop()
        lost = [index, *self._collect()]
        if alone:
            self._answers[index] = self.give_up(self.jobs[index], str(error))
            lost = []
        for each in sorted(lost, reverse=True):
            self._deaths[each] += 1
            (self._alone if self._deaths[each] >= DEATHS_BEFORE_ALONE else self._waiting).appendleft(each)
        self._fruitless += 1
        if self._fruitless > MOST_FRUITLESS:
            raise ServerGone(f"it died {self._fruitless} times without an answer in between: {error}")
        self.recover(str(error))

    def _collect(self) -> list[int]:
        """What was in flight when the server died and got no answer."""
        lost = []
        while self._in_flight:
            index, answer, error = self._done.get()
            self._in_flight.discard(index)
            if error is None:
                self._answers[index] = answer  # pyright: ignore[reportArgumentType]
                self._fruitless = 0
            elif isinstance(error, ServerGone):
                lost.append(index)
            else:
                raise error
        return lost

    def _end(self, *, in_order: bool) -> None:
        """Let the threads go. Abandoned requests must not be in flight beside those of the next checkpoint."""
        if self._in_flight and not in_order:
            self.stop()
        for _ in self._threads:
            self._todo.put(None)
        deadline = time.monotonic() + ABANDONED_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
