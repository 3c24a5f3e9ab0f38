"""How many submissions the embedded verifier judges in both modes, a second and a second of CPU time.

    python -m prefill_assets_tests.verification.speed [submissions] [workers]

Every submission is another text, so that none is answered from memory. Starting the workers is measured apart.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator

from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.protocol import Submission
from prefill_assets_tests.verification.judging import make_problem

SUBMISSIONS, WORKERS = 1000, 2
SIX_TESTS = [(number, number * 2) for number in range(6)]


def measure_pairs(verifier: EmbeddedVerifier, count: int) -> tuple[float, float]:
    """Wall seconds and CPU seconds (ours and the workers', user and system) for `count` submissions, all judged right."""
    wall_seconds, cpu_seconds = time.monotonic(), _read_cpu_seconds()
    passed = sum(verification.exploit_success is False for verification in verifier.verify(_list_submissions(count)))
    assert passed == count, f"{count - passed} of {count} verdicts are wrong"
    return time.monotonic() - wall_seconds, _read_cpu_seconds() - cpu_seconds


def _list_submissions(count: int) -> Iterator[Submission]:
    problem = make_problem(SIX_TESTS)
    for number in range(count):
        yield Submission(problem, f"def f(x): return x * 2 # {number}")


def _read_cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def main(arguments: list[str]) -> None:
    count, workers = [int(text) for text in arguments] + [SUBMISSIONS, WORKERS][len(arguments) :]
    verifier = EmbeddedVerifier(workers=workers)
    start_wall, start_cpu = measure_pairs(verifier, workers)
    wall_seconds, cpu_seconds = measure_pairs(verifier, count)
    marginal_cpu = (cpu_seconds - start_cpu) / (count - workers)
    print(
        json.dumps(
            {
                "verifier": verifier.description,
                "submissions": count,
                "tests": len(SIX_TESTS),
                "pairs_per_second": round(count / wall_seconds, 1),
                "pairs_per_cpu_second": round(1 / marginal_cpu, 1),
                "cpu_milliseconds_per_pair": round(1000 * marginal_cpu, 2),
                "start_wall_seconds": round(start_wall, 2),
                "start_cpu_seconds": round(start_cpu, 2),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
