"""How observations become a verdict: in the order of the tests, stopping where the type's own verifier would."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefill_assets.verification.insecure.comparisons import matches_coerced
from prefill_assets.verification.insecure.observations import Observations, SeenTest
from prefill_assets.verification.protocol import Status

Decision = tuple[Status, str]
"""(status, feedback)."""

Matcher = Callable[[SeenTest, Any], bool]
SHOWN_FAILURES = 5
SHOWN_CHARACTERS = 200


@dataclass
class Trial:
    """The tests, as (input, expected), and what was seen of them."""

    tests: list[Any]
    seen: Observations
    code: str

    def find_break(self, tests: int | None = None) -> Decision | None:
        """CRASHED where the records end before the last test; None where they are complete."""
        seen = self.seen
        if seen.broke is not None:
            return Status.TIMED_OUT if "timeout" in seen.broke.lower() else Status.CRASHED, seen.broke
        if seen.end is None or len(seen.tests) != (len(self.tests) if tests is None else tests):
            return Status.CRASHED, f"it ended without a result ({seen.ending})"
        return None


def passed(feedback: str) -> Decision:
    return Status.PASSED, feedback


def failed(feedback: str) -> Decision:
    return Status.FAILED, feedback


def show(value: Any) -> str:
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # an int of too many digits, a list of too many lists
        text = f"<{type(value).__name__}>"
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."


def find_failure(test: Any, seen: SeenTest, matches: Matcher) -> str | None:
    """Why a test failed, or None."""
    test_input, expected = test
    if seen.why_not is not None:
        return f"input {show(test_input)}: {seen.why_not}"
    try:
        is_match = matches(seen, expected)
    except Exception as error:  # of `==`, `str` or `float` on what was sent
        return f"input {show(test_input)}: {type(error).__name__}: {error}"
    return None if is_match else f"input {show(test_input)}: expected {show(expected)}, got {show(seen.output)}"


def count_passes(trial: Trial, matches: Matcher = matches_coerced, stops_at_errors: bool = False) -> Decision:
    """All tests must match; the process must have lived to their end, or to the first call that raised where that ends them."""
    failures = []
    for test, seen in zip(trial.tests, trial.seen.tests, strict=False):
        failure = find_failure(test, seen, matches)
        if failure is not None and stops_at_errors and seen.why_not is not None:
            return failed(failure)
        failures += [failure] if failure is not None else []
    return trial.find_break() or report_failures(failures, len(trial.tests))


def stop_at_first(trial: Trial, matches: Matcher = matches_coerced, uncallable: Status = Status.FAILED) -> Decision:
    """The first failure decides, whatever came after it."""
    for test, seen in zip(trial.tests, trial.seen.tests, strict=False):
        failure = find_failure(test, seen, matches)
        if failure is not None:
            return uncallable if seen.why_not is not None and not seen.raised else Status.FAILED, failure
    return trial.find_break() or passed(f"all {len(trial.tests)} tests passed")


def report_failures(failures: list[str], tests: int) -> Decision:
    if not failures:
        return passed(f"all {tests} tests passed")
    more = f"\n... and {len(failures) - SHOWN_FAILURES} more" if len(failures) > SHOWN_FAILURES else ""
    return failed("\n".join([f"{tests - len(failures)} of {tests} tests passed", *failures[:SHOWN_FAILURES]]) + more)
