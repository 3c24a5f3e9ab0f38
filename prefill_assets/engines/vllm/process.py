"""A server's process, which cannot outlive ours."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")
STOP_SECONDS = 25.0
LOG_TAIL_BYTES = 1 << 16


class ServerProcess:
    """A command in a session of its own, held by a keeper (see there) that ends all of it with this process, kill -9 included."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]):
        """Starts at once. Raises OSError where the keeper cannot start."""
        self.folder = Path(tempfile.mkdtemp(prefix="prefill-vllm-"))
        self.log = self.folder / "server.log"
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), str(self.log), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        said = self._keeper.stdout.readline()
        self.pid: int | None = int(said) if said.strip().isdigit() else None
        """The server's first process, which gives its process group the same number; None where it could not be started."""
        if self.pid is None:
            self.log.write_bytes(said + self._keeper.stdout.read())
        atexit.register(self.stop)

    @property
    def is_running(self) -> bool:
        return self._keeper.poll() is None

    def read_log_tail(self) -> list[str]:
        """The last lines that the server wrote."""
        try:
            with self.log.open("rb") as stream:
                stream.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
                return stream.read().decode(errors="replace").splitlines()
        except OSError:
            return []

    def stop(self, *, keep_log: bool = False) -> None:
        """End every process of the server and wait for that; may be called twice."""
        atexit.unregister(self.stop)
        for stream in (self._keeper.stdin, self._keeper.stdout):
            if stream is not None:
                stream.close()
        try:
            self._keeper.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        if self.pid is not None:  # the keeper has done so, unless somebody killed it
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        if not keep_log:
            self.remove_log()

    def remove_log(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
