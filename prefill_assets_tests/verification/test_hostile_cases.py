"""Every hostile submission gets its verdicts, and an honest one after it, judged by the same workers, gets the right ones."""

import os
import socket
import threading
from pathlib import Path

import pytest

from prefill_assets.verification.isolation import ISOLATED, find_problem
from prefill_assets_tests.verification.hostile import files, forgery, leftovers, processes, secrets_and_network
from prefill_assets_tests.verification.hostile.case import Case
from prefill_assets_tests.verification.hostile.judging import find_difference, judge_cases

QUICK, WAITING = (files, secrets_and_network, leftovers), (processes, forgery)
LEVELS = [level for level in ISOLATED if find_problem(level) is None]
CASES: dict[tuple[str, str], Case] = {
    (level, case.name): case
    for level in LEVELS
    for group in (QUICK + WAITING if level == LEVELS[0] else QUICK)
    for case in group.CASES
}
pytestmark = pytest.mark.skipif(not LEVELS, reason="nothing isolates on this machine")


@pytest.fixture(scope="module")
def listeners():
    """A TCP port and an abstract socket of ours, and what connected to them."""
    visitors = []
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX)]
    servers[1].bind(f"\0prefill-test-{os.getpid()}")
    servers[1].listen()
    for server in servers:
        threading.Thread(target=_note_visitors, args=(server, visitors), daemon=True).start()
    socket.create_connection(servers[0].getsockname()).close()
    yield servers[0].getsockname()[1], f"prefill-test-{os.getpid()}", visitors
    for server in servers:
        server.close()


def _note_visitors(server, visitors):
    while True:
        try:
            visitors.append(server.accept()[1])
        except OSError:
            return


@pytest.fixture(scope="module")
def judged(listeners):
    port, abstract, _ = listeners
    return {
        (level, name): pair
        for level in LEVELS
        for name, pair in judge_cases([case for key, case in CASES.items() if key[0] == level], level, port, abstract).items()
    }


@pytest.mark.parametrize(("level", "name"), CASES)
def test_hostile_case(judged, level, name):
    difference = find_difference(CASES[level, name], *judged[level, name])
    assert difference is None, difference


def test_nobody_came_and_nothing_was_left(judged, listeners):
    assert len(listeners[2]) == 1  # our own connection, which shows that the listener listens
    assert "hostile-daemon" not in [_read(folder / "comm") for folder in Path("/proc").glob("[0-9]*")]
    assert not Path("/tmp/pickled-by-a-submission").exists()


def _read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return ""
