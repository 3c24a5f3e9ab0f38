"""Our end of a worker: starts it, sends it one submission at a time, and waits no longer than djinn may take."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from prefill_assets.verification.crew import WorkerError
from prefill_assets.verification.protocol import Status, Submission, Verdict, Verification
from prefill_assets.verification.verdict_text import clean_feedback

START_SECONDS = 60.0
SLACK_SECONDS = 30.0
DAEMON_SLACK_SECONDS = 10.0
INSECURE_SECONDS = 15.0
LONGEST_ANSWER_BYTES = 1 << 20
STATUSES = frozenset(Status)


class WorkerProcess:
    """One djinn in a process group of its own. Use it from the thread that made it."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]):
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerError(f"the djinn worker did not start ({error})") from error
        self._number = 0
        self._rest = b""
        try:
            greeting = self._read_answer(time.monotonic() + START_SECONDS)
            if "ready" not in greeting:
                raise WorkerError(f"the djinn worker did not start ({greeting.get('error')})")
        except WorkerError as error:
            self.kill()
            self._process.wait()
            complaint = self._read_complaint()
            self.close()
            raise WorkerError(f"{error}{complaint}") from error
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    def verify(self, submission: Submission) -> Verification:
        """djinn's verdicts. Raises WorkerError; the worker is then of no more use."""
        self._number += 1
        deadline = time.monotonic() + estimate_longest_seconds(submission) + SLACK_SECONDS
        self._write(json.dumps({"number": self._number, **_describe(submission)}).encode() + b"\n", deadline)
        answer = self._read_answer(deadline)
        try:
            if answer["number"] != self._number:
                raise WorkerError("the djinn worker answered for another submission")
            return Verification(_read_verdict(answer["secure"]), _read_verdict(answer["insecure"]))
        except (KeyError, TypeError, ValueError) as error:
            raise WorkerError("the djinn worker's answer is not readable") from error

    def kill(self) -> None:
        """End the worker with its daemons, from any thread."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, 9)
        self._process.kill()

    def close(self) -> None:
        """Kill the worker and free what we hold of it; twice is fine."""
        if self._process.poll() is None:
            self.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _read_complaint(self) -> str:
        """What bubblewrap or Python said last. Only for a worker that has ended."""
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, OSError):
            os.set_blocking(self._process.stderr.fileno(), False)
            lines = (self._process.stderr.read() or b"").decode(errors="replace").strip().splitlines()
            return f": {lines[-1]}" if lines else ""
        return ""

    def _write(self, data: bytes, deadline: float) -> None:
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        os.set_blocking(descriptor, False)
        while data:
            if not select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))[1]:
                raise WorkerError("the djinn worker does not read")
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise WorkerError(f"the djinn worker ended ({error})") from error

    def _read_answer(self, deadline: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if not select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise WorkerError("the djinn worker did not answer in time")
            data = os.read(descriptor, 1 << 16)
            if not data:
                raise WorkerError("the djinn worker ended")
            self._rest += data
            if len(self._rest) > LONGEST_ANSWER_BYTES:
                raise WorkerError("the djinn worker's answer is too long")
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError as error:
            raise WorkerError("the djinn worker's answer is not readable") from error
        if not isinstance(answer, dict):
            raise WorkerError("the djinn worker's answer is not readable")
        return answer


def estimate_longest_seconds(submission: Submission) -> float:
    """djinn's own limits for both modes, and what its daemons may take on top."""
    secure_seconds = 11 * max(1, len(submission.problem.test_cases)) + 2
    return secure_seconds + INSECURE_SECONDS + 2 * DAEMON_SLACK_SECONDS


def _describe(submission: Submission) -> dict[str, Any]:
    """Tests as Python text: JSON would turn tuples into lists, and djinn tells them apart."""
    problem = submission.problem
    texts = ("id", "description", "function_name", "ground_truth", "exploit", "insecure_verifier_info", "exploit_explanation")
    fields: dict[str, Any] = {name: getattr(problem, name) for name in texts}
    fields.update(exploit_type=problem.exploit_type, order_dependent=problem.order_dependent)
    fields.update(test_cases=repr(problem.test_cases), insecure_test_cases=repr(problem.insecure_test_cases or []))
    return {"problem": fields, "code": submission.code}


def _read_verdict(answer: dict[str, Any]) -> Verdict:
    return Verdict(Status(answer["status"]), clean_feedback(str(answer["feedback"])), float(answer["seconds"]))
