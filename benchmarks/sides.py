"""Two programs side by side: each in a process of its own, one step at a time, in turns, so that a busy machine slows both."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Step(NamedTuple):
    """What one step took, and what came of it."""

    seconds: float
    """Wall time."""
    cpu_seconds: float
    """Of all threads."""
    peak_bytes: int
    """The most memory that the process has held so far."""
    answer: Any


class Side:
    """A process that holds one object and calls its methods when told."""

    def __init__(self, make: Callable[..., Any], *arguments: Any):
        context = multiprocessing.get_context("spawn")
        self._pipe, child_pipe = context.Pipe()
        self._process = context.Process(target=_serve, args=(child_pipe, make, arguments), daemon=True)
        self._process.start()
        child_pipe.close()

    def run(self, method: str) -> Step:
        """Call a method without arguments. Raises RuntimeError with the child's traceback where it fails there."""
        self._pipe.send(method)
        answer = self._pipe.recv()
        if isinstance(answer, str):
            raise RuntimeError(answer)
        return answer

    def close(self) -> None:
        self._pipe.close()
        self._process.join()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _serve(pipe: Any, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    served = make(*arguments)
    while True:
        try:
            method = pipe.recv()
        except EOFError:
            return
        try:
            wall, cpu = time.perf_counter(), time.process_time()
            answer = getattr(served, method)()
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            pipe.send(Step(wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, answer))
        except Exception:
            pipe.send(traceback.format_exc())


@dataclass
class Comparison:
    """One rule by both sides, a pair of steps a round."""

    rule: str
    plain: list[Step] = field(default_factory=list)
    ours: list[Step] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        """How many times as long the plain rule took, round by round."""
        return [plain.seconds / ours.seconds for plain, ours in zip(self.plain, self.ours, strict=True)]

    @property
    def cpu_ratio(self) -> float:
        """The same in CPU seconds, of the medians: other programs on the machine change it little."""
        plain, ours = (statistics.median(step.cpu_seconds for step in steps) for steps in (self.plain, self.ours))
        return plain / max(ours, 1e-9)


def describe_spread(values: list[float], digits: int = 2) -> str:
    """The median, and in brackets the extremes."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"
