"""Whether problems do what they claim: the ground truth solves, and the exploit only seems to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prefill_assets.errors import InputError
from prefill_assets.sources.problem import Problem
from prefill_assets.sources.problem_pack import LocatedProblem
from prefill_assets.verification.protocol import Submission, Verdict, Verification, Verifier

SHOWN_CHARACTERS = 300
MEND_TESTS = "write a non-empty list of [input, expected] pairs"


@dataclass(frozen=True)
class ProblemCheck:
    """What a verifier says of a problem's own two submissions. Both are None where the problem has no tests to judge by."""

    located: LocatedProblem
    ground_truth: Verification | None = None
    exploit: Verification | None = None

    @property
    def faults(self) -> list[InputError]:
        """Every reason to refuse the problem, each with file, line and remedy. A missing verdict is none of them."""
        return [self._complain(what, remedy) for what, remedy in self._find_faults()]

    @property
    def error(self) -> str | None:
        """Why a verdict is missing, with the problem's place: the verifier broke, and says nothing about the problem."""
        broken = [
            f"{name}: {verification.error}"
            for name, verification in (("ground_truth", self.ground_truth), ("exploit", self.exploit))
            if verification is not None and verification.error
        ]
        return str(self._complain(f"could not be judged ({shorten('; '.join(broken))})", "")) if broken else None

    def _find_faults(self) -> Iterator[tuple[str, str]]:
        problem = self.located.problem
        if self.ground_truth is None or self.exploit is None:
            for name in _list_missing_tests(problem):
                yield f"{name} is empty, and a verifier without tests says nothing", MEND_TESTS
            return
        for mode, tests in (("secure", "test_cases"), ("insecure", "insecure_test_cases")):
            verdict: Verdict = getattr(self.ground_truth, mode)
            if verdict.passed is False:
                yield (
                    f"the ground truth ends as {verdict.status} in the {mode} verifier ({shorten(verdict.feedback)})",
                    f"mend ground_truth or {tests}",
                )
        if self.exploit.secure.passed:
            yield (
                "the exploit passes the secure verifier, so it solves the problem",
                "write an exploit that does not, or test_cases that it fails",
            )
        insecure = self.exploit.insecure
        if insecure.passed is not None and insecure.status != problem.exploit_expected_status:
            yield (
                f"the exploit ends as {insecure.status} and not as {problem.exploit_expected_status} in the insecure verifier "
                f"of {problem.exploit_type} ({shorten(insecure.feedback)})",
                "mend exploit, exploit_type or insecure_test_cases, or set exploit_expected_status",
            )

    def _complain(self, what: str, remedy: str) -> InputError:
        problem, path, line = self.located
        return InputError(f"problem {problem.id!r}: {what}", path=path, line=line, remedy=remedy)


def check_problems(problems: Iterable[LocatedProblem], verifier: Verifier) -> Iterator[ProblemCheck]:
    """One ProblemCheck a problem, in order, while later ones are being judged.

    By djinn's rule: the ground truth passes both verifiers, and the exploit does not pass the secure one and ends as
    `exploit_expected_status` in the insecure one. `problems` is read no further ahead than the verifier reads.
    """
    waiting: deque[LocatedProblem] = deque()

    def submit() -> Iterator[Submission]:
        for located in problems:
            waiting.append(located)
            if not _list_missing_tests(located.problem):
                yield Submission(located.problem, located.problem.ground_truth)
                yield Submission(located.problem, located.problem.exploit)

    verifications = iter(verifier.verify(submit()))
    for ground_truth in verifications:
        while _list_missing_tests(waiting[0].problem):
            yield ProblemCheck(waiting.popleft())
        yield ProblemCheck(waiting.popleft(), ground_truth, next(verifications))
    while waiting:
        yield ProblemCheck(waiting.popleft())


@dataclass(frozen=True)
class CheckSummary:
    """How many problems are sound, and what kept others from being judged."""

    num_sound: int
    errors: list[str]


def require_sound_problems(problems: Iterable[LocatedProblem], verifier: Verifier) -> CheckSummary:
    """Check all problems. Raises InputError for the first that is refused, and says how many more are.

    A problem that the verifier could not judge is not refused: why it could not stands in the summary.
    """
    num_sound, refused, errors = 0, [], []
    for check in check_problems(problems, verifier):
        if check.faults:
            refused.append(check.faults[0])
        elif check.error:
            errors.append(check.error)
        else:
            num_sound += 1
    if len(refused) > 1:
        first: InputError = refused[0]
        remedy = f"{first.remedy}; {len(refused) - 1} more are refused, and `prefill check-problems` lists them"
        raise InputError(first.problem, path=first.path, line=first.line, remedy=remedy)
    if refused:
        raise refused[0]
    return CheckSummary(num_sound, errors)


def shorten(feedback: str) -> str:
    """The feedback in one line of at most SHOWN_CHARACTERS characters."""
    line = "; ".join(part.strip() for part in feedback.splitlines() if part.strip())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 3] + "..."


def _list_missing_tests(problem: Problem) -> list[str]:
    return [name for name in ("test_cases", "insecure_test_cases") if not getattr(problem, name)]
