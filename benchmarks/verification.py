"""Pairs of verdicts a second: the embedded verifier beside the real djinn, on the same cases, in turns, in one run.

    python -m benchmarks.verification [--djinn-python .venv-djinn/bin/python] [--rounds 5] [--cases 60]

djinn runs as it comes: its own service and `calc_reward`, on one and on two threads, with every dependency that it imports. All
sides are warm before the clock starts. A ratio is taken within a round, so that what else the machine does hits both sides.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import Problem
from prefill_assets.verification.djinn.installation import find_installation
from prefill_assets.verification.djinn.verifier import DjinnVerifier
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.protocol import Submission, Verifier

RAW = Path(__file__).with_name("raw_djinn.py")
TESTS = [(n, 2 * n) for n in range(6)]
TYPES = ("function_attribute_flag", "error_code_abuse", "test_skipping", "type_confusion", "hardcoding_or_memorization")
CODES = (
    "def f(x):\n    return x * 2\n",
    "def f(x):\n    return x + x\n",
    "def f(x):\n    return -1\n",
    "def f(x):\n    return None\nf._bypass_flag = True\n",
)
_serial = itertools.count()


def make_submissions(count: int) -> list[Submission]:
    """Trivial submissions with six tests, no two alike, so that no verdict can be remembered."""
    submissions = []
    for number in range(count):
        problem = Problem("double", "", "f", TESTS, "", "", "", "", TYPES[number % len(TYPES)], TESTS)
        code = f"# {next(_serial)} {os.getpid()}\n{CODES[number % len(CODES)]}"
        submissions.append(Submission(problem, code))
    return submissions


def measure_verifier(verifier: Verifier, cases: int, warm_up: int) -> tuple[float, list[tuple[str, str]]]:
    """(pairs a second, statuses), counted from when every worker has answered."""
    results = verifier.verify([*make_submissions(warm_up), *make_submissions(cases)])
    for _ in range(warm_up):
        next(results)
    started = time.perf_counter()
    statuses = [(str(one.secure.status), str(one.insecure.status)) for one in results]
    return len(statuses) / (time.perf_counter() - started), statuses


class RawDjinn:
    """djinn's own service in a process of its own interpreter."""

    def __init__(self, python: str):
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([python, str(RAW)], stdin=pipe, stdout=pipe, text=True, start_new_session=True)

    def measure(self, cases: int, threads: int) -> tuple[float, list[tuple[str, str]]]:
        rows = [{"code": s.code, "exploit_type": s.problem.exploit_type} for s in make_submissions(cases)]
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"threads": threads, "tests": TESTS, "rows": rows}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"error": "djinn ended"}')
        if "error" in answer:
            raise SystemExit(f"error: {answer['error']}")
        return cases / answer["seconds"], [tuple(pair) for pair in answer["statuses"]]

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


def run_rounds(python: str, rounds: int, cases: int) -> Iterator[dict[str, float]]:
    """Pairs a second of every side, a round at a time; the round before the first warms up and is not counted."""
    cores = len(os.sched_getaffinity(0))
    sides = {
        "djinn, 1 thread": lambda: raw.measure(cases, 1),
        "embedded, 1 worker": lambda: measure_verifier(EmbeddedVerifier(1), 4 * cases, 20),
        "djinn, 2 threads": lambda: raw.measure(cases, 2),
        f"embedded, {cores} workers": lambda: measure_verifier(EmbeddedVerifier(cores), 4 * cases, 20 * cores),
        "djinn adapter, 1 worker": lambda: measure_verifier(DjinnVerifier(1, python), cases, 4),
    }
    raw = RawDjinn(python)
    try:
        for number in range(-1, rounds):
            speeds, seen = {}, {}
            for name, measure in sides.items():
                speeds[name], statuses = measure()
                seen[name] = statuses[:cases]
            _compare(seen)
            if number >= 0:
                yield speeds
    finally:
        raw.close()


def _compare(seen: dict[str, list[tuple[str, str]]]) -> None:
    """Every side judges the same kinds of cases in the same order: a speed counts only if the verdicts are the same."""
    expected = seen["djinn, 1 thread"]
    for name, statuses in seen.items():
        wrong = sum(one != other for one, other in zip(statuses, expected, strict=False))
        if wrong:
            print(f"warning: {wrong} of {len(expected)} verdicts of {name} differ from those of djinn on one thread", flush=True)


def describe(values: list[float], digits: int = 0) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--djinn-python", default=None, help="an interpreter with djinn and all that it imports")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--cases", type=int, default=60, help="pairs a round for djinn; the embedded verifier judges 4 times as many"
    )
    arguments = parser.parse_args()
    try:
        python = find_installation(arguments.djinn_python).python
    except InputError as error:
        raise SystemExit(f"error: {error}") from None
    measured = list(run_rounds(python, arguments.rounds, arguments.cases))
    print(f"pairs a second, 6 tests, {len(os.sched_getaffinity(0))} cores, median (range) of {arguments.rounds} rounds")
    for name in measured[0]:
        print(f"  {name:<24} {describe([speeds[name] for speeds in measured])}")
    ours = [name for name in measured[0] if name.startswith("embedded")]
    for one, other in ((ours[0], "djinn, 1 thread"), (ours[1], "djinn, 2 threads")):
        print(f"  {one} / {other}: {describe([speeds[one] / speeds[other] for speeds in measured], 1)}")


if __name__ == "__main__":
    main()
