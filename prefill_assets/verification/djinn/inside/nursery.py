"""The process that forks djinn's daemons: a fresh one for every submission and mode, from a warm and ignorant parent.

It is forked before the first problem arrives, so no expected value was ever in a memory that submissions share. It must stay
single-threaded.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from . import isolation

MEMORY_MIB = 3000
MARKERS = ("/tmp/test_override_marker", "/tmp/test_cases.py", "/tmp/djinn_testcase_log.txt")
"""What djinn's verifiers look for in /tmp."""


class Daemon:
    """Our ends of one daemon's pipes, in the shape of the process that djinn's service expects."""

    def __init__(self, stdin: Any, stdout: int, fault: int):
        self.stdin, self.stdout, self.fault = stdin, stdout, fault

    def poll(self) -> None:
        return None

    def read_fault(self) -> str:
        """Why it never started, or an empty text."""
        return os.read(self.fault, 2000).decode(errors="replace")

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.stdin.close()
        for descriptor in (self.stdout, self.fault):
            os.close(descriptor)


class Nursery:
    """Our end of the nursery."""

    def __init__(self, is_isolated: bool, kept: dict[str, str]):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if os.fork() == 0:
            try:
                os.closerange(3, theirs.fileno())
                os.closerange(theirs.fileno() + 1, 65536)
                _serve(theirs, isolation.draw_uid(), is_isolated, kept)
            finally:
                os._exit(1)
        theirs.close()
        self._socket = ours

    def start(self, mode: str) -> Daemon:
        """A fresh daemon; the one before it is killed first, with everything that it started."""
        stdin_read, stdin_write = os.pipe()
        stdout_read, stdout_write = os.pipe()
        fault_read, fault_write = os.pipe()
        theirs = [stdin_read, stdout_write, fault_write]
        socket.send_fds(self._socket, [mode.encode()], theirs)
        for descriptor in theirs:
            os.close(descriptor)
        return Daemon(os.fdopen(stdin_write, "w", encoding="utf-8"), stdout_read, fault_read)

    def end(self) -> None:
        """Kill the daemon. Returns at once; `start` waits for it."""
        self._socket.send(b"end")


def _serve(commands: socket.socket, uid: int, is_isolated: bool, kept: dict[str, str]) -> None:
    keeper, control = 0, -1
    while True:
        message, descriptors, _, _ = socket.recv_fds(commands, 64, 3)
        if keeper:
            os.close(control)
            os.waitpid(keeper, 0)
            keeper = 0
        if not message:
            return
        if message == b"end":
            continue
        control_read, control = os.pipe()
        keeper = os.fork()
        if keeper == 0:
            os.close(control)
            commands.close()
            _keep(message.decode(), descriptors, control_read, uid, is_isolated, kept)
        for descriptor in (control_read, *descriptors):
            os.close(descriptor)


def _keep(mode: str, descriptors: list[int], control_read: int, uid: int, is_isolated: bool, kept: dict[str, str]) -> NoReturn:
    """Start the daemon and wait until it is no longer wanted; then nothing of it remains."""
    fault = descriptors[2]
    try:
        if is_isolated:
            isolation.enter_namespaces()
        daemon = os.fork()
        if daemon == 0:
            os.close(control_read)
            _become_daemon(mode, descriptors, uid, is_isolated, kept)
        for descriptor in descriptors:
            os.close(descriptor)
        os.read(control_read, 1)
        for kill in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError):
                kill(daemon, signal.SIGKILL)
        os.waitpid(daemon, 0)
        if not is_isolated:
            for marker in MARKERS:
                with contextlib.suppress(OSError):
                    Path(marker).unlink()
    except OSError as error:
        with contextlib.suppress(OSError):
            os.write(fault, str(error).encode()[:2000])
    finally:
        os._exit(0)


def _become_daemon(mode: str, descriptors: list[int], uid: int, is_isolated: bool, kept: dict[str, str]) -> NoReturn:
    stdin, stdout, fault = descriptors
    try:
        os.setsid()
        if is_isolated:
            isolation.mount_private_folders(kept)
            isolation.drop_rights(uid)
        else:
            isolation.apply_limits()
        os.chdir("/tmp")
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        fault = os.dup2(fault, 3, inheritable=False)
        os.closerange(4, 65536)
        sys.stdin = sys.__stdin__ = open(0, encoding="utf-8")  # noqa: SIM115 (they live as long as the process)
        sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8")  # noqa: SIM115
        sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8")  # noqa: SIM115
        from djinn.sandbox.daemon_bridge import _run_loop  # pyright: ignore[reportMissingImports]

        os.close(fault)
        _run_loop(mode, MEMORY_MIB)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.write(fault, f"{type(error).__name__}: {error}".encode()[:2000])
    finally:
        os._exit(0)
