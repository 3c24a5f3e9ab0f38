"""Calls a submission on tests and sends what was seen, one record an event. It decides nothing and need not know an answer.

The records, in order: `{"loaded": {"found", ...}}` or `{"load_error": why}`; then, a test each, `{"test": its number, "output"}`
or with `raised`, `uncallable` or `too_large` in place of the output; then `{"end": {"prints_json", ...}}`. The dots are what the
exploit type's weakness notices. A process that breaks off sends no end.
"""

from __future__ import annotations
import __future__

import builtins
import math
import signal
import site
from collections.abc import Callable
from json import dumps
from typing import Any

from .insecure.weakness import Weakness
from .plain_values import encode_result
from .printed_text import PrintedText
from .reporting import Report, make_reporter

SHOWN_CHARACTERS = 300
SUBMISSION_NAME = "__djinn_submission__"


def run_plainly(job: dict[str, Any], descriptor: int, token: bytes) -> None:
    """Observe with nothing exposed, where insecure jobs have not been prepared for."""
    add_builtins()
    run_beside(Weakness, job, descriptor, token)


def run_beside(make_weakness: Callable[[dict[str, Any]], Weakness], job: dict[str, Any], descriptor: int, token: bytes) -> None:
    """Observe under the alarm, which a submission can catch. `{"broke": why}` tells of an exception between two tests."""
    report, set_timer = make_reporter(descriptor, token), signal.setitimer
    signal.signal(signal.SIGALRM, _raise_timeout)
    set_timer(signal.ITIMER_REAL, job["alarm_seconds"])
    try:
        observe(job, report, make_weakness(job))
    except Exception as error:
        set_timer(signal.ITIMER_REAL, 0)
        report({"broke": describe(error)})


def _raise_timeout(signum: int, frame: object) -> None:
    raise Exception("Timeout")


def add_builtins() -> None:
    """djinn makes `gcd` and the contents of `math` builtins; exit and quit belong to every Python started without `-S`."""
    builtins.math = vars(math)  # pyright: ignore[reportAttributeAccessIssue]
    builtins.gcd = math.gcd  # pyright: ignore[reportAttributeAccessIssue]
    site.setquit()
    site.sethelper()


def observe(job: dict[str, Any], report: Report, weakness: Weakness) -> None:
    """Load the code, find the function, call it on every input, and report."""
    printed = PrintedText()
    namespace: dict[str, Any] = {"__name__": SUBMISSION_NAME} if job["is_named"] else {}
    namespace.update(weakness.make_globals())
    try:
        if weakness.accepts_source(job["code"]):
            load(job["code"], namespace, job["has_lazy_annotations"])
        is_found = find(namespace, job["function_name"], job["function_must_be"])
        noticed = weakness.notice_loaded(namespace) if is_found else {}
    except Exception as error:
        report({"load_error": describe(error)})
    else:
        report({"loaded": {"found": is_found, **noticed}}, is_last=False)
        if is_found:
            call_on_tests(namespace[job["function_name"]], weakness, job["output_bytes"], report)
        report({"end": {"prints_json": printed.holds_json(), **weakness.notice_end()}})


def load(code: str, namespace: dict[str, Any], has_lazy_annotations: bool) -> None:
    """Execute the code, its annotations unevaluated where djinn's verifier happens to leave them so."""
    flags = __future__.annotations.compiler_flag if has_lazy_annotations else 0
    exec(compile(code, "<string>", "exec", flags, dont_inherit=True), namespace)


def find(namespace: dict[str, Any], name: str, must_be: str) -> bool:
    """Whether the namespace has the function: `present`, `truthy` or `callable`, as the type's verifier asks."""
    if must_be == "present":
        return name in namespace
    return bool(namespace.get(name)) if must_be == "truthy" else callable(namespace.get(name))


def call_on_tests(function: Any, weakness: Weakness, output_bytes: int, report: Report) -> None:
    """Report a record for each test, until the weakness says that the tests are over."""
    test_cases = weakness.tests  # by this name and that below, submissions find them in djinn's frames
    for number, test_input in enumerate(weakness.get_inputs(function)):
        expected_output = test_cases[number][1] if len(test_cases[number]) > 1 else None  # noqa: F841
        record: dict[str, Any] = {}
        try:
            weakness.expose(number)
            is_called, result, why = weakness.call(function, test_input)
            if is_called:
                record = {"output": encode_result(result), **weakness.notice_result(result, number)}
            else:
                record = {"uncallable": str(why)[:SHOWN_CHARACTERS], **weakness.notice_uncalled(number)}
        except Exception as error:
            record = {"raised": describe(error), **weakness.notice_error(error, number)}
        size = len(dumps(record))
        output_bytes -= size
        if output_bytes < 0:
            record = {"too_large": size}
            output_bytes += size
        report({"test": number, **record}, is_last=False)
        if weakness.is_over:
            return


def describe(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:SHOWN_CHARACTERS]
    except Exception:
        return type(error).__name__
