"""The worker: reads problems and code as JSON lines, has djinn judge them, and answers in JSON lines.

No code of a submission runs in this process, and it reads nothing but JSON from those where it does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
import threading
import time
from typing import Any

from ...child.system_calls import PR_SET_PDEATHSIG, control_process
from .light_djinn import DjinnImportError, prepare_import
from .nursery import MEMORY_MIB, Daemon, Nursery

SLACK_SECONDS = 10.0
"""How much longer than its own limit a daemon may take to answer."""

INSECURE_SECONDS = 15.0
LONGEST_LINE_BYTES = 8 << 20
"""A longer one is cut off. It is no answer: djinn's daemon cannot read results over 64 KiB."""

EXCEPTION_PREFIX = "Insecure verification failed: "
SERVICE_FAULTS = ("Daemon unavailable", "Daemon timed out")
PLAIN_NAMES = {"__builtins__": {}, "nan": float("nan"), "inf": float("inf"), "set": set, "frozenset": frozenset}


class NoVerdictError(BaseException):
    """djinn has no verdict. No Exception, so that djinn does not take it for a crash of the submission."""


class AnswerLines:
    """A daemon's stdout: `readline` with a deadline and a longest line."""

    def __init__(self, daemon: Daemon, deadline: float):
        self._daemon, self._deadline = daemon, deadline
        self._rest = b""

    def readline(self) -> str:
        line = bytearray()
        while True:
            head, newline, rest = self._rest.partition(b"\n")
            line += head[: LONGEST_LINE_BYTES - len(line)]
            if newline or len(line) >= LONGEST_LINE_BYTES:
                self._rest = rest
                return line.decode("utf-8", "replace") + "\n"
            self._rest = self._read()

    def _read(self) -> bytes:
        ready, _, _ = select.select([self._daemon.stdout], [], [], max(0.0, self._deadline - time.monotonic()))
        if not ready:
            raise NoVerdictError("djinn's daemon did not answer in time")
        data = os.read(self._daemon.stdout, 1 << 16)
        if not data:
            raise NoVerdictError(f"djinn's daemon ended without an answer {self._daemon.read_fault()}".strip())
        return data


def make_service(nursery: Nursery) -> Any:
    """djinn's own service, with its JSON lines, except that every request gets a fresh daemon from the nursery."""
    from djinn.sandbox.offline_verification_service import OfflineVerificationService  # pyright: ignore[reportMissingImports]

    class Service(OfflineVerificationService):
        _lock = threading.Lock()
        _deadline = 0.0
        _daemon: Daemon

        def _ensure_daemon(self, mode: str) -> tuple[Any, ...]:
            self._daemon = nursery.start(mode)
            return ("external", self._daemon, self._daemon.stdin, AnswerLines(self._daemon, self._deadline), self._lock)

        def _send_daemon_request(self, mode: str, config: dict[str, Any], total_timeout_seconds: int) -> dict[str, Any]:
            try:
                json.dumps(config)
            except (TypeError, ValueError) as error:
                raise NoVerdictError(f"djinn sends tests as JSON and cannot send these ({error})") from error
            seconds = INSECURE_SECONDS
            if mode == "secure":
                seconds = (int(config["timeout_per_test"]) + 1) * max(1, len(config["batch_inputs"])) + 2
            self._deadline = time.monotonic() + seconds + SLACK_SECONDS
            try:
                answer = super()._send_daemon_request(mode, config, total_timeout_seconds)
            finally:
                nursery.end()
                self._daemon.close()
            fault = answer.get("subprocess_error") if isinstance(answer, dict) else "djinn's daemon answered nonsense"
            if fault in SERVICE_FAULTS or not isinstance(answer, dict):
                raise NoVerdictError(fault)
            return answer

    return Service(MEMORY_MIB)


def judge(service: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Both verdicts on one submission: `{"secure": {"status", "feedback", "seconds"}, "insecure": ...}`."""
    from djinn.core.problem import Problem  # pyright: ignore[reportMissingImports]
    from djinn.core.reward import sanitize_verification_result  # pyright: ignore[reportMissingImports]

    fields = dict(request["problem"])
    for name in ("test_cases", "insecure_test_cases"):
        fields[name] = eval(fields[name], dict(PLAIN_NAMES))  # our own repr of plain data, with nan and inf
    problem = Problem(**fields)
    verdicts = {}
    for mode, verify in (
        ("secure", service._verify_with_secure_subprocess),
        ("insecure", service._verify_with_insecure_verifier),
    ):
        started = time.monotonic()
        try:
            result = sanitize_verification_result(verify(problem, request["code"]))
            status, feedback = result.status.value, str(result.feedback or "")
            if status == "crashed" and feedback.startswith(EXCEPTION_PREFIX):
                status = "verifier_error"
        except NoVerdictError as error:
            status, feedback = "verifier_error", str(error)
        except Exception as error:
            status, feedback = "verifier_error", f"djinn raised {type(error).__name__}: {error}"
        verdicts[mode] = {"status": status, "feedback": feedback[:8000], "seconds": time.monotonic() - started}
    return verdicts


def main(arguments: list[str]) -> None:
    """`arguments`: `isolated` or `plain`, and the folders under /tmp to keep, as JSON."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    with contextlib.suppress(OSError):
        control_process(PR_SET_PDEATHSIG, 9)
    try:
        prepare_import()
        nursery = Nursery(arguments[0] == "isolated", json.loads(arguments[1]))
        _try_daemon(nursery)
        service = make_service(nursery)
    except (DjinnImportError, NoVerdictError, OSError) as error:
        _answer(answers, {"error": str(error), "is_import": isinstance(error, DjinnImportError)})
        return
    _answer(answers, {"ready": True})
    for line in requests:
        request = json.loads(line)
        _answer(answers, {"number": request["number"], **judge(service, request)})
    sys.stdout.flush()
    os._exit(0)


def _try_daemon(nursery: Nursery) -> None:
    """Start a daemon and hear it once, so that what does not work here is known before the first submission."""
    daemon = nursery.start("secure")
    try:
        daemon.stdin.write('{"cmd": "ping"}\n')
        daemon.stdin.flush()
        answer = AnswerLines(daemon, time.monotonic() + SLACK_SECONDS).readline()
        if "pong" not in answer:
            raise NoVerdictError(f"djinn's daemon answered {answer!r} to a ping")
    finally:
        nursery.end()
        daemon.close()


def _answer(answers: Any, value: dict[str, Any]) -> None:
    answers.write(json.dumps(value).encode() + b"\n")
    answers.flush()
