"""Every hostile submission gets its verdicts, and an honest one after it, judged by the same workers, gets the right ones."""

import os
import socket
import threading
from pathlib import Path

import pytest

from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.isolation import ISOLATED, find_problem
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Submission
from prefill_assets.verification.sandbox_root import find_python
from prefill_assets_tests.verification.hostile import files, forgery, leftovers, processes, secrets_and_network
from prefill_assets_tests.verification.hostile.case import Case
from prefill_assets_tests.verification.judging import make_problem

GROUPS = {"reach": (files, secrets_and_network, leftovers), "force": (processes, forgery)}
LEVELS = [level for level in ISOLATED if find_problem(level) is None]
CASES: dict[tuple[str, str], Case] = {
    (level, case.name): case
    for level in LEVELS
    for kind, groups in GROUPS.items()
    if kind == "reach" or level == LEVELS[0]
    for group in groups
    for case in group.CASES
}
LIMITS = Limits(
    import_seconds=0.5,
    test_seconds=0.5,
    test_extra_seconds=0.05,
    start_seconds=0.5,
    alarm_seconds=0.7,
    insecure_seconds=1,
    override_seconds=0.5,
    memory_mib=256,
)
HONEST = "def f(x): return x * 2 # {}"
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
def verdicts(listeners):
    port, abstract, _ = listeners
    values = {
        "$PORT": str(port),
        "$ABSTRACT": abstract,
        "$PROJECT": str(Path(__file__).parents[2]),
        "$HOME": str(Path.home()),
        "$PYTHON": find_python(),
        "$LIBRARY": str(Path(os.path.realpath(os.__file__)).parent.parent),
        "$PID": str(os.getpid()),
    }
    found = {}
    for level in LEVELS:
        cases = [case for (its_level, _), case in CASES.items() if its_level == level]
        submissions = []
        for number, case in enumerate(cases):
            code = case.code
            for name, value in values.items():
                code = code.replace(name, value)
            problem = make_problem(case.tests, case.exploit_type)
            submissions += [Submission(problem, code), Submission(make_problem(), HONEST.format(number))]
        verifications = list(EmbeddedVerifier(workers=1, limits=LIMITS, level=level).verify(submissions))
        for case, hostile, honest in zip(cases, verifications[::2], verifications[1::2], strict=True):
            found[level, case.name] = hostile, honest
    return found


@pytest.mark.parametrize(("level", "name"), CASES)
def test_hostile_case(verdicts, level, name):
    case = CASES[level, name]
    hostile, honest = verdicts[level, name]
    assert (hostile.secure.status, hostile.insecure.status) == (case.secure, case.insecure), hostile
    assert case.says in hostile.secure.feedback
    assert honest.error is None, honest
    assert (honest.secure.passed, honest.insecure.passed) == (True, True), honest


def test_nobody_came_and_nothing_was_left(verdicts, listeners):
    assert len(listeners[2]) == 1  # our own connection, which shows that the listener listens
    assert "hostile-daemon" not in [_read(folder / "comm") for folder in Path("/proc").glob("[0-9]*")]
    assert not Path("/tmp/pickled-by-a-submission").exists()


def _read(path):
    try:
        return path.read_text().strip()
    except OSError:
        return ""
