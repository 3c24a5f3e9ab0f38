"""Our end of a worker: starts it, sends it one job at a time, and waits no longer than the job may take."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import struct
import subprocess
import time
from dataclasses import dataclass
from typing import Any

from prefill_assets.verification.child.reporting import keep_genuine
from prefill_assets.verification.crew import WorkerError
from prefill_assets.verification.isolation import build_command

START_SECONDS = 60.0
SLACK_SECONDS = 30.0
END_SECONDS = 1.0
READ_BYTES = 1 << 16
MOST_FRAME_BYTES = 1 << 28
MOST_NEXT_BYTES = 1 << 15
"""Fits into an empty pipe."""


@dataclass(frozen=True)
class JobEnding:
    """How a job ended (see the watch), and the lines of JSON that it had sent until then, each complete, however it ended."""

    how: str
    detail: str
    payload: bytes
    seconds: float
    has_junk: bool = False
    """Whether something came besides."""


class WorkerProcess:
    """One `python -I -S` that forks a fresh process for each job. Use it from the thread that made it."""

    def __init__(self, mode: str, index: int, level: str):
        """`mode` is `secure`, `insecure` or `both`, `level` as in `isolation`, `index` unique here. Raises WorkerError."""
        try:
            self._process = subprocess.Popen(
                build_command(level, mode, index),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", "LD_BIND_NOW": "1"},
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise WorkerError(f"the verification worker did not start ({error})") from error
        if self._process.stdin is not None:
            os.set_blocking(self._process.stdin.fileno(), False)
        self._unread = bytearray()
        self._number = 0
        self._is_killed = False
        try:
            greeting = self._read_json(time.monotonic() + START_SECONDS)
        except BaseException:
            self.close()
            raise
        if "error" in greeting:
            self.close()
            raise WorkerError(f"the verification worker did not start ({greeting['error']})")

    def run(self, job: dict[str, Any], next_wall_seconds: float | None = None) -> JobEnding:
        """Run one job (`code`, `wall_seconds`, ...). Raises WorkerError; the worker is then of no more use.

        With `next_wall_seconds`, in mode `both`: it may end with `asks`, and then its process waits for `run_next` or `decline`.
        """
        self._number += 1
        head = {"number": self._number, **{name: job[name] for name in ("wall_seconds", "result_bytes", "limits")}}
        if next_wall_seconds is not None:
            head["next_wall_seconds"] = next_wall_seconds
        return self._run([json.dumps(head).encode()], job)

    def run_next(self, job: dict[str, Any]) -> JobEnding:
        """Run a second job, of at most `MOST_NEXT_BYTES`, in the process of the first, which `asks`. Raises WorkerError."""
        return self._run([], job)

    def decline(self) -> None:
        """End a process that `asks`. Raises WorkerError."""
        self._run([], None)

    def _run(self, frames: list[bytes], job: dict[str, Any] | None) -> JobEnding:
        if self._is_killed:
            raise WorkerError("the worker ended")
        deadline = time.monotonic() + (job or {"wall_seconds": 0})["wall_seconds"] + SLACK_SECONDS
        token = secrets.token_hex(16)
        body = b"" if job is None else json.dumps({**job, "token": token}).encode()
        try:
            self._write_frames([*frames, body], deadline)
            written = bytearray()
            while chunk := self._read_frame(deadline):
                written += chunk
            answer = self._read_json(deadline)
            if answer["number"] != self._number:
                raise WorkerError("the worker answered another job")
            payload, has_junk = keep_genuine(bytes(written), token.encode())
            detail = "wrote to the verifier's channel" if has_junk and answer["how"] == "exited" else answer["detail"]
            return JobEnding(answer["how"], detail, payload, answer["seconds"], has_junk)
        except (OSError, KeyError, TypeError) as error:
            raise WorkerError(f"the worker broke ({type(error).__name__}: {error})") from error

    def kill(self) -> None:
        """End the worker and the job that it may be running, from any thread. It takes no further job."""
        self._is_killed = True
        self._process.kill()

    def close(self) -> None:
        """End the worker, kill it where it does not end by itself, and free what we hold of it; twice is fine."""
        with contextlib.suppress(OSError, AttributeError):
            self._process.stdin.close()  # pyright: ignore[reportOptionalMemberAccess]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _write_frames(self, frames: list[bytes], deadline: float) -> None:
        assert self._process.stdin is not None
        descriptor = self._process.stdin.fileno()
        view = memoryview(b"".join(struct.pack(">I", len(data)) + data for data in frames))
        while view:
            if not select.select([], [descriptor], [], max(0.0, deadline - time.monotonic()))[1]:
                raise WorkerError("the worker does not take its job")
            view = view[os.write(descriptor, view) :]

    def _read_json(self, deadline: float) -> dict[str, Any]:
        try:
            value = json.loads(self._read_frame(deadline))
        except ValueError as error:
            raise WorkerError("the worker's answer is not readable") from error
        if not isinstance(value, dict):
            raise WorkerError("the worker's answer is not readable")
        return value

    def _read_frame(self, deadline: float) -> bytes:
        length = struct.unpack(">I", self._read_exactly(4, deadline))[0]
        if length > MOST_FRAME_BYTES:
            raise WorkerError("the worker's answer is not readable")
        return self._read_exactly(length, deadline)

    def _read_exactly(self, count: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while len(self._unread) < count:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise WorkerError("the worker did not answer in time")
            chunk = os.read(descriptor, READ_BYTES)
            if not chunk:
                raise WorkerError("the worker ended")
            self._unread += chunk
        data = bytes(self._unread[:count])
        del self._unread[:count]
        return data
