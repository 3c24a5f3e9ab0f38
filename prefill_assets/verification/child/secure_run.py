"""The secure verifier's half that runs a submission: calls it on every input and sends the outcomes back. It knows no answers."""

from __future__ import annotations

import io
import json
import pickle
import signal
import sys
from collections.abc import Callable
from types import CodeType
from typing import Any

from .function_caller import count_parameters
from .job_start import NextJob
from .lasting_effects import is_plain
from .observing import run_plainly
from .preloaded_names import PRELOADED_NAMES
from .printed_text import PrintedText
from .reporting import make_reporter

PRINTED_CHARACTERS = 1 << 20
TIME_LIMIT = "Time Limit Exceeded"
READY_NAMESPACES: list[dict[str, Any]] = []
"""One, made before the fork, for the one submission after it."""


class TimeoutException(Exception):
    """Raised inside the submission by the alarm; it can be caught, as in djinn."""


def prepare() -> None:
    """What every job finds, laid out once before the first."""
    READY_NAMESPACES[:] = [make_namespace()]


def make_namespace() -> dict[str, Any]:
    return {"__builtins__": __builtins__, **PRELOADED_NAMES}


def run(job: dict[str, Any], descriptor: int, token: bytes, next_job: NextJob | None = None) -> None:
    """Report `{"results": [...]}`, one entry a test up to the first time-out, or `{"error": why}`.

    A job that `is_observed` is called as by an insecure verifier, and reports what `observing` does.
    """
    if job.get("is_observed"):
        run_plainly(job, descriptor, token)
    run_first(job, descriptor, token, lambda: None, lambda: False)


def run_first(
    job: dict[str, Any], descriptor: int, token: bytes, be_only: Callable[[], None], is_first: Callable[[], bool]
) -> None:
    """As `run`, but it returns where the code is plain, ran in its time, and `is_first` says afterwards that a job may follow.

    Where the code is not plain, `be_only` is called before it runs.
    """
    report, printed = make_reporter(descriptor, token), PrintedText()
    carry, set_timer, is_only = _check_transport, signal.setitimer, False
    signal.signal(signal.SIGALRM, _raise_timeout)
    try:
        set_timer(signal.ITIMER_REAL, job["import_seconds"])
        namespace = READY_NAMESPACES.pop() if READY_NAMESPACES else make_namespace()
        code: CodeType = compile(job["code"], "<string>", "exec", dont_inherit=True)
        is_only = not is_plain(code)
        if is_only:
            be_only()
        exec(code, namespace)
        if job["function_name"] not in namespace:
            result: dict[str, Any] = {"error": f"the function {job['function_name']} is not defined"}
        elif not callable(namespace[job["function_name"]]):
            result = {"error": f"{job['function_name']} is not callable"}
        else:
            result = {"results": _call_on_inputs(namespace[job["function_name"]], job["inputs"], job["test_seconds"])}
            carry(result)
    except Exception as error:
        result = {"error": _describe(error)}
    set_timer(signal.ITIMER_REAL, 0)
    if not printed.holds_json():
        result = {"error": "it prints text that is not JSON outside its calls, which garbles the channel of djinn's own verdicts"}
    is_timed_out = TIME_LIMIT in (result.get("error"), (result.get("results") or [{}])[-1].get("error"))
    report(result, is_last=is_only or is_timed_out or not is_first())


def _call_on_inputs(function: Callable[..., Any], inputs: list[Any], test_seconds: float) -> list[dict[str, Any]]:
    outcomes: list[dict[str, Any]] = []
    stdout = sys.stdout
    for test_input in inputs:
        signal.setitimer(signal.ITIMER_REAL, test_seconds)
        try:
            sys.stdout = printed = io.StringIO()
            output = call_function(function, test_input)
            outcomes.append({"output": output})
            if output is None:
                outcomes[-1]["printed"] = printed.getvalue()[:PRINTED_CHARACTERS]
        except Exception as error:
            outcomes.append({"error": _describe(error)})
            if outcomes[-1]["error"] == TIME_LIMIT:
                break
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            sys.stdout = stdout
    return outcomes


def call_function(function: Callable[..., Any], test_input: Any) -> Any:
    """No parameter: `f()`; one, `*args` included: `f(x)`; else `f(*x)` for a list or tuple and `f(x)` for others.

    After a TypeError, whoever raised it, a tuple is spread and everything else is passed as it is.
    """
    parameters = count_parameters(function)
    try:
        if parameters == 0:
            return function()
        if parameters == 1:
            return function(test_input)
        return function(*test_input) if isinstance(test_input, tuple | list) else function(test_input)
    except TypeError:
        return function(*test_input) if isinstance(test_input, tuple) else function(test_input)


def _check_transport(result: dict[str, Any], pickled=pickle.dumps, dumped=json.dumps) -> None:
    """djinn sends results through pickle, then JSON: what either refuses fails every test."""
    try:
        pickled(result)
        dumped(result)
    except Exception as error:
        raise ValueError(f"a result cannot be sent back as JSON ({error})") from error


def _raise_timeout(signum: int, frame: object) -> None:
    raise TimeoutException("TimeoutException")


def _describe(error: Exception) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    if "timeoutexception" in text.lower():
        return TIME_LIMIT
    return f"{type(error).__name__}: {text}"[:500] if text else f"Unknown error: {type(error).__name__}"
