"""The insecure verifier: runs a verifier with its weakness together with the submission, and sends the verdict back."""

from __future__ import annotations

import builtins
import math
import signal
import site
from typing import Any

from .insecure.registry import INSECURE_VERIFIERS, expose_modules
from .insecure.trial import ExposedProblem
from .reporting import make_reporter

FEEDBACK_CHARACTERS = 4000


def run(job: dict[str, Any], descriptor: int, token: bytes) -> None:
    """Report `{"status", "feedback"}`."""
    report, set_timer = make_reporter(descriptor, token), signal.setitimer
    verify = INSECURE_VERIFIERS[job["exploit_type"]]
    problem = ExposedProblem(job["function_name"], job["test_cases"], job["order_dependent"], job["settings"])
    signal.signal(signal.SIGALRM, _raise_timeout)
    try:
        set_timer(signal.ITIMER_REAL, job["alarm_seconds"])
        status, feedback = verify(problem, job["code"])
    except Exception as error:
        feedback = f"{type(error).__name__}: {error}"
        status = "timed_out" if "timeout" in feedback.lower() else "crashed"
    set_timer(signal.ITIMER_REAL, 0)
    report({"status": status, "feedback": str(feedback)[:FEEDBACK_CHARACTERS]})


def prepare() -> None:
    """What every insecure job finds, laid out once before the first.

    djinn makes `gcd` and the contents of `math` builtins here; exit and quit belong to every Python started without `-S`.
    """
    builtins.math = vars(math)  # pyright: ignore[reportAttributeAccessIssue]
    builtins.gcd = math.gcd  # pyright: ignore[reportAttributeAccessIssue]
    site.setquit()
    site.sethelper()
    expose_modules()


def _raise_timeout(signum: int, frame: object) -> None:
    raise Exception("Timeout")
