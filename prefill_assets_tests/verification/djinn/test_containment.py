"""What submissions try against the machine, the real djinn and each other, and that nothing of them remains."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import prefill_assets
from prefill_assets.verification.djinn import verifier as verifier_module
from prefill_assets.verification.djinn.verifier import DjinnVerifier
from prefill_assets.verification.protocol import Submission
from prefill_assets_tests.verification.djinn.judging import (
    CRASHED,
    ENVIRONMENT,
    FAILED,
    GOOD,
    LEAVE_MARKER,
    PASSED,
    WRONG,
    judge,
    name_statuses,
)
from prefill_assets_tests.verification.djinn.real_djinn import needs_djinn
from prefill_assets_tests.verification.judging import make_problem

pytestmark = needs_djinn

FORGED_TESTS = "DJINN-TC|input=1|expected=2"
MARK = f"3{os.getpid()}"


NOISE = {
    "50 lines": ("for n in range(50):\n    print('noise', n)\n", (FAILED, CRASHED)),
    "100 MB": ("for n in range(100):\n    print('x' * 1_000_000)\n", (FAILED, CRASHED)),
    "100 MB in a line": ("import os\nfor n in range(100):\n    os.write(1, b'x' * 1_000_000)\n", (FAILED, CRASHED)),
}


@pytest.mark.parametrize("kind", NOISE)
def test_what_one_submission_prints_does_not_touch_the_next(kind):
    noise, expected = NOISE[kind]
    noisy, good, wrong = judge(noise + GOOD, GOOD, WRONG)
    assert name_statuses(noisy) == expected
    assert name_statuses(good) == (PASSED, PASSED)
    assert name_statuses(wrong) == (FAILED, FAILED)
    assert good.secure.seconds + good.insecure.seconds < 5


def test_nothing_that_one_submission_leaves_is_there_for_the_next():
    leave = f"""
import os, pathlib
for folder in ('/tmp', '/dev/shm', '/', '/worker/verification/djinn/inside', '/var/tmp'):
    for name in ('test_override_marker', 'test_cases.py', 'djinn_testcase_log.txt', 'sitecustomize.py'):
        try:
            pathlib.Path(folder, name).write_text({FORGED_TESTS!r})
        except OSError:
            pass
os.environ['TEST_OVERRIDE'] = 'PASS_ALL'
def f(x):
    return -1
"""
    look = """
import os, pathlib
found = [str(p) for d in ('/tmp', '/dev/shm', '/var/tmp') for p in pathlib.Path(d).glob('*test*')]
found += [name for name in os.environ if name.startswith('TEST_')]
def f(x):
    return x * 2 if not found else -1
"""
    exploit, wrong, looking = judge((ENVIRONMENT, leave), (ENVIRONMENT, WRONG), look)
    assert exploit.exploit_success
    assert name_statuses(wrong) == (FAILED, FAILED)
    assert looking.secure.passed


def test_a_pickled_result_runs_nothing_outside(tmp_path):
    target = tmp_path / "owned"
    code = f"""
class Bomb:
    def __reduce__(self):
        return (open, ({str(target)!r}, 'w'))
def f(x):
    return Bomb()
"""
    secret = """
import os
class Killer:
    def __reduce__(self):
        return (os._exit, (0,))
def f(x):
    return Killer()
"""
    bomb, killer, good = judge(code, secret, GOOD)
    assert not target.exists()
    assert not bomb.secure.passed
    assert not killer.secure.passed
    assert name_statuses(good) == (PASSED, PASSED)


def test_a_submission_sees_neither_secrets_nor_files_nor_network(monkeypatch, tmp_path):
    monkeypatch.setenv("PREFILL_TEST_SECRET", "1")
    (tmp_path / "secret").write_text("1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = f"""
import os, socket
def look():
    hidden = ({str(tmp_path)!r}, {prefill_assets.__file__!r}, {__file__!r}, '/etc/passwd', '/home')
    seen = [path for path in hidden if os.path.exists(path)]
    seen += [name for name in os.environ if 'SECRET' in name]
    seen += [pid for pid in os.listdir('/proc') if pid.isdigit() and int(pid) > 5]
    for address in (('127.0.0.1', {server.getsockname()[1]}), ('1.1.1.1', 53)):
        try:
            socket.create_connection(address, 1)
            seen.append(address)
        except OSError:
            pass
    try:
        open('/usr/planted', 'w')
        seen.append('write')
    except OSError:
        pass
    return seen
def f(x):
    seen = look()
    return x * 2 if not seen else seen
"""
        [verification] = judge(code)
    assert verification.secure.passed, verification.secure.feedback
    assert verification.insecure.passed, verification.insecure.feedback


def test_a_submission_cannot_kill_the_daemon_that_judges_it():
    code = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(1, signal.SIGKILL)\n" + GOOD
    killing, good = judge(code, GOOD)
    assert name_statuses(killing) == (PASSED, PASSED)
    assert name_statuses(good) == (PASSED, PASSED)


@pytest.mark.parametrize("isolation", ["bubblewrap", "namespaces"])
def test_each_isolation_keeps_markers_files_and_network_from_submissions(monkeypatch, isolation):
    if isolation == "bubblewrap" and shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed")
    monkeypatch.setattr(verifier_module, "list_isolations", lambda: [isolation])
    hidden = ("/etc/passwd", "/home", prefill_assets.__file__, __file__, str(Path.cwd()))
    look = f"""
import os, socket
seen = [name for _, name in socket.if_nameindex() if name != 'lo'] + [path for path in {hidden!r} if os.path.exists(path)]
seen += [path for path in ('/', '/usr', '/dev', '/worker/verification/djinn/inside') if os.access(path, os.W_OK)]
files = sorted(os.path.join(folder, name) for folder, _, names in os.walk('/worker') for name in names)
seen += [file for file in files if os.path.dirname(file) != '/worker/verification/djinn/inside']
def f(x):
    return x * 2 if seen == ['/worker/verification/child/system_calls.py'] else seen
"""
    verifier = DjinnVerifier(workers=1)
    assert verifier.isolation == isolation
    given = [(ENVIRONMENT, LEAVE_MARKER), (ENVIRONMENT, WRONG), (make_problem(), look), (make_problem(), GOOD)]
    exploit, wrong, looking, good = verifier.verify(Submission(*one) for one in given)
    assert exploit.exploit_success
    assert name_statuses(wrong) == (FAILED, FAILED)
    assert looking.secure.passed, looking.secure.feedback
    assert name_statuses(good) == (PASSED, PASSED)


def test_nothing_outlives_its_submission():
    daemon = f"""
import subprocess
def f(x):
    subprocess.Popen(['sleep', '{MARK}'], start_new_session=True)
    return x * 2
"""
    fork = "import os\nfor _ in range(300):\n    if os.fork() == 0:\n        os.execlp('sleep', 'sleep', '{MARK}')\n"
    left, forked, good = judge(daemon, fork.replace("{MARK}", MARK) + GOOD, GOOD)
    assert left.secure.passed
    assert name_statuses(good) == (PASSED, PASSED)
    assert not forked.exploit_success
    assert not _find_processes("sleep", MARK)


def test_nothing_outlives_a_caller_that_is_killed():
    code = f"import subprocess\ndef f(x):\n    subprocess.run(['sleep', '{MARK}1'])\n"
    script = f"""
from prefill_assets.verification.djinn.verifier import DjinnVerifier
from prefill_assets.verification.protocol import Submission
from prefill_assets_tests.verification.judging import make_problem
list(DjinnVerifier(workers=1).verify([Submission(make_problem(), {code!r})]))
"""
    caller = subprocess.Popen([sys.executable, "-c", script], cwd=Path(prefill_assets.__file__).parents[1])
    try:
        assert _wait_for(lambda: _find_processes("sleep", f"{MARK}1"))
    finally:
        caller.kill()
        caller.wait()
    assert _wait_for(lambda: not _find_processes("sleep", f"{MARK}1"))


def _find_processes(*words: str) -> list[str]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if [word.encode() for word in words] == command[: len(words)]:
            found.append(folder.name)
    return found


def _wait_for(condition: Callable[[], object]) -> bool:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(condition())
