"""Calls as processes of their own, forked from a server that has done their imports."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

NEWS_BYTES = 1 << 12


class ForkedProcess:
    """A call at work; it is asked and told as a `subprocess.Popen` is."""

    def __init__(self, orders: socket.socket, **order: Any):
        self._news, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._output, self._errors = (tempfile.TemporaryFile("w+") for _ in range(2))  # noqa: SIM115
        socket.send_fds(orders, [json.dumps(order).encode()], [self._output.fileno(), self._errors.fileno(), theirs.fileno()])
        theirs.close()
        self.pid: int = self._hear()["pid"]
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._news], [], [], 0)[0]:
            self.returncode = self._hear()["returncode"]
        return self.returncode

    def wait(self, timeout: float = 180) -> int:
        if self.returncode is None and not select.select([self._news], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("a forked process", timeout)
        return self.poll() or 0

    def communicate(self, timeout: float = 180) -> tuple[str, str]:
        """What it wrote, once it has ended."""
        self.wait(timeout)
        return _read(self._output), _read(self._errors)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _hear(self) -> dict[str, Any]:
        return json.loads(self._news.recv(NEWS_BYTES))


def _read(file: Any) -> str:
    file.seek(0)
    return file.read()


class Forks:
    """Starts calls of this project's functions, each with an environment of its own."""

    def __init__(self) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        server = [sys.executable, "-m", "prefill_assets_tests.forks.server", str(theirs.fileno())]
        self._server = subprocess.Popen(server, pass_fds=[theirs.fileno()], cwd=Path(__file__).parents[2])
        theirs.close()

    def call(self, function: str, environment: dict[str, str], *arguments: Any) -> ForkedProcess:
        """`module:name` with these arguments, which are JSON; what it returns is its return code, None is 0."""
        return ForkedProcess(self._orders, function=function, environment=environment, arguments=arguments)

    def run_command(self, environment: dict[str, str], *arguments: str) -> ForkedProcess:
        """`prefill` with these arguments, in the installation of that environment."""
        return self.call("prefill_assets.cli.main:main", environment, arguments)

    def close(self) -> None:
        self._orders.close()
        self._server.wait(timeout=60)
