"""Whatever ends a run ends its server: real processes, really killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from prefill_assets.engines.vllm.process import ServerProcess

STUBBORN = Path(__file__).with_name("stubborn.py")
OWNER = f"""
import os, sys, time
from prefill_assets.engines.vllm.process import ServerProcess
process = ServerProcess([sys.executable, {str(STUBBORN)!r}], os.environ)
while len(process.read_log_tail()) < 2: time.sleep(0.02)
print(process.pid, process.folder, flush=True)
"""
WAIT_SECONDS = 30.0


def is_group_alive(pid: int) -> bool:
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_SECONDS
    while not (done := holds()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return done


def start_owner(then: str) -> tuple[subprocess.Popen, int, Path]:
    """A process that owns a server and goes on with `then`; the server's group and its log's folder."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER + then], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    pid, folder = owner.stdout.readline().split()
    assert is_group_alive(int(pid))
    return owner, int(pid), Path(folder)


@pytest.fixture
def process():
    process = ServerProcess([sys.executable, str(STUBBORN)], os.environ)
    assert wait_until(lambda: len(process.read_log_tail()) == 2)
    yield process
    process.stop()


def test_stopping_ends_every_process_and_removes_the_log(process):
    process.stop()

    assert not is_group_alive(process.pid)
    assert not process.folder.exists()
    process.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_server_ends_with_its_owner_however_that_is_killed(number):
    owner, pid, folder = start_owner("time.sleep(600)")

    owner.send_signal(number)
    owner.wait()

    assert wait_until(lambda: not is_group_alive(pid))
    assert wait_until(lambda: not folder.exists())


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "1 / 0", "os._exit(1)"])
def test_the_server_ends_with_its_owner_however_that_ends(ending):
    owner, pid, _ = start_owner(ending)

    owner.wait()

    assert wait_until(lambda: not is_group_alive(pid))


def test_a_child_that_the_owner_left_behind_does_not_keep_the_server():
    owner, pid, _ = start_owner("child = os.fork()\nprint(child or os.getpid(), flush=True)\ntime.sleep(600)")
    child = int(owner.stdout.readline())

    owner.kill()
    owner.wait()
    try:
        assert wait_until(lambda: not is_group_alive(pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


def test_workers_end_when_the_servers_first_process_is_killed(process):
    os.kill(process.pid, signal.SIGKILL)

    assert wait_until(lambda: not process.is_running)
    assert not is_group_alive(process.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="parent death signals are Linux's")
def test_a_killed_keeper_is_noticed_and_leaves_nothing_behind(process):
    process._keeper.kill()

    assert wait_until(lambda: not process.is_running)
    process.stop()
    assert wait_until(lambda: not is_group_alive(process.pid))


def test_a_command_that_cannot_start_says_why_in_its_log():
    process = ServerProcess(["/nowhere/vllm", "serve"], os.environ)

    assert wait_until(lambda: not process.is_running)
    assert "No such file" in "\n".join(process.read_log_tail())
    process.stop()
