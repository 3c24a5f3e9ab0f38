from __future__ import annotations

import os
import subprocess
import sys

import pytest

from prefill_assets.runs.processes import identify_process, is_alive


@pytest.fixture
def child():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_this_process_is_alive_and_no_process_is_not():
    assert is_alive(identify_process())
    assert is_alive(str(os.getpid()))
    assert not is_alive("0")
    assert not is_alive("")


def test_a_process_is_alive_until_it_is_killed_though_nobody_waited_for_it(child):
    identity = identify_process(child.pid)
    assert is_alive(identity)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(identity)
    assert not is_alive(str(child.pid))


@pytest.mark.parametrize("part", ["start", "boot"])
def test_a_process_that_got_the_id_of_another_is_not_the_other(part):
    pid, host, start, boot = identify_process().split()
    assert not is_alive(" ".join((pid, host, f"1{start}", boot) if part == "start" else (pid, host, start, "before")))


def test_what_runs_on_another_host_cannot_be_judged():
    assert is_alive("0 elsewhere 1 boot")
