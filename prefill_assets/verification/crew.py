"""The workers of one run, each owned by the thread that started it, and what they find, in the order asked for."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

WAITING_PER_WORKER = 16


class WorkerError(Exception):
    """The worker broke, or never started: nothing is known about the submission."""


class Worker(Protocol):
    def kill(self) -> None:
        """End the worker and what it may be running, from any thread."""
        ...

    def close(self) -> None:
        """Free what is held of it; twice is fine."""
        ...


AnyWorker = TypeVar("AnyWorker", bound=Worker)
Result = TypeVar("Result")


class Crew(Generic[AnyWorker]):
    """Each thread has at most one worker of each kind, started when it is first needed."""

    def __init__(self, start: Callable[[str, int], AnyWorker]):
        """`start` makes a worker of a kind, with a number that is unique here. It may raise WorkerError."""
        self._start = start
        self._own = threading.local()
        self._lock = threading.Lock()
        self._workers: set[AnyWorker] = set()
        self._started = 0
        self._is_dismissed = False

    @contextmanager
    def open_threads(self, count: int) -> Iterator[ThreadPoolExecutor]:
        """Threads for the crew's work. However the block is left, its workers end, and work not yet begun never begins."""
        with ThreadPoolExecutor(count, thread_name_prefix="verify") as threads:
            try:
                yield threads
                self.close()  # before their threads end, which kills them
            except BaseException:
                self.dismiss()
                raise
            finally:
                threads.shutdown(cancel_futures=True)
                self.close()

    def ask(self, kind: str, use: Callable[[AnyWorker], Result]) -> Result:
        """As `ask_once`; where the worker breaks, a fresh one is asked. Raises WorkerError where that breaks too."""
        try:
            return self.ask_once(kind, use)
        except WorkerError:
            return self.ask_once(kind, use)

    def ask_once(self, kind: str, use: Callable[[AnyWorker], Result]) -> Result:
        """What `use` gets from this thread's worker of a kind.

        Whatever it raises, WorkerError above all, the worker is dropped: nobody knows what it is in the middle of.
        """
        try:
            return use(self.get_worker(kind))
        except BaseException:
            self.drop_worker(kind)
            raise

    def get_worker(self, kind: str) -> AnyWorker:
        """This thread's worker of a kind. Raises WorkerError where it cannot start, or none may any more."""
        worker = getattr(self._own, kind, None)
        if worker is None:
            with self._lock:
                if self._is_dismissed:
                    raise WorkerError("the verification was stopped")
                self._started += 1
                number = self._started
            worker = self._start(kind, number)
            with self._lock:
                self._workers.add(worker)
                if self._is_dismissed:
                    worker.kill()
            setattr(self._own, kind, worker)
        return worker

    def drop_worker(self, kind: str) -> None:
        """End this thread's worker of a kind; the next `get_worker` starts another."""
        worker = getattr(self._own, kind, None)
        if worker is not None:
            setattr(self._own, kind, None)
            with self._lock:
                self._workers.discard(worker)
            worker.close()

    def dismiss(self) -> None:
        """Kill all workers, with whatever they run, and start no more; their threads find out by themselves."""
        with self._lock:
            self._is_dismissed = True
            for worker in self._workers:
                worker.kill()

    def close(self) -> None:
        """End the workers. Call it when no thread uses them any more; workers end, killed, with the threads that started them."""
        for worker in self._workers:
            worker.close()


def take_in_order(futures: Iterable[Future[Result]], workers: int) -> Iterator[Result]:
    """The results, in order, while later ones are worked on; futures are taken at most WAITING_PER_WORKER a worker ahead."""
    waiting: deque[Future[Result]] = deque()
    for future in futures:
        waiting.append(future)
        while len(waiting) > workers * WAITING_PER_WORKER or (waiting and waiting[0].done()):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def count_cores() -> int:
    """The cores that we may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
