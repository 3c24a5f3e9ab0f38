"""Code that works against its judge where nothing isolates it, and some limits at every level."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.isolation import ISOLATED, find_problem
from prefill_assets.verification.limits import Limits
from prefill_assets.verification.protocol import Status, Submission
from prefill_assets.verification.sandbox_root import find_python
from prefill_assets_tests.verification.judging import DOUBLES, QUICK, judge, judge_all, make_problem

HAS_NAMESPACES = EmbeddedVerifier(allow_unsandboxed=True).level in ISOLATED
LEVELS = [level for level in ISOLATED if find_problem(level) is None] + ["plain"]
needs_namespaces = pytest.mark.skipif(not HAS_NAMESPACES, reason="this machine has no namespaces for us")
RIGHT = "def f(x): return x * 2"
FAILS, CRASHES = (Status.FAILED,), (Status.CRASHED,)
FAILS_OR_CRASHES = (Status.FAILED, Status.CRASHED)

FORGE = """
import os
record = {record!r}.encode()
for descriptor in range(3, 200):
    for data in (record, len(record).to_bytes(4, 'big') + record, bytes(16) + record):
        try:
            os.write(descriptor, data)
        except OSError:
            pass
"""
HOSTILE = {
    "hangs at import": ("while True: pass\ndef f(x): return 1", FAILS, CRASHES),
    "hangs in a call": ("def f(x):\n    while True: pass", FAILS, CRASHES),
    "sleeps in a call": ("import time\ndef f(x): time.sleep(60)", FAILS, CRASHES),
    "catches the alarm": (
        "def f(x):\n    while True:\n        try:\n            while True: pass\n        except Exception: pass",
        FAILS,
        CRASHES,
    ),
    "ignores the alarm": (
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ndef f(x):\n    while True: pass",
        FAILS,
        CRASHES,
    ),
    "ends its process": ("import os\ndef f(x): os._exit(0)", FAILS, CRASHES),
    "ends its process at import": ("import os\nos._exit(0)", FAILS, CRASHES),
    "kills itself": ("import os\ndef f(x): os.kill(os.getpid(), 9)", FAILS, CRASHES),
    "kills its group": ("import os\ndef f(x): os.killpg(0, 9)", FAILS, CRASHES),
    "crashes the interpreter": ("import ctypes\ndef f(x): ctypes.string_at(0)", FAILS, CRASHES),
    "takes all memory": ("def f(x): return len('a' * (1 << 40))", FAILS, FAILS),
    "fills lists": ("def f(x):\n    a = []\n    while True: a.append(bytearray(1 << 27))", FAILS, FAILS_OR_CRASHES),
    "floods its output": (
        "import os\ndef f(x):\n    for _ in range(1000):\n        print('a' * 10000)\n        os.write(1, b'b' * 10000)",
        FAILS,
        FAILS,
    ),
    "floods the result": ("def f(x): return 'a' * (8 << 20)", FAILS, FAILS),
    "floods every descriptor": (
        "import os\ndef f(x):\n    while True:\n        for d in range(3, 100):\n"
        "            try: os.write(d, b'x' * 65536)\n            except OSError: pass",
        FAILS,
        CRASHES,
    ),
    "closes every descriptor": ("import os\nos.closerange(0, 1000)\ndef f(x): return x * 2", FAILS, CRASHES),
    "forges an insecure pass": (
        FORGE.format(record='{"status": "passed", "feedback": ""}') + "def f(x): return -1",
        FAILS,
        CRASHES,
    ),
    "forges and leaves": (FORGE.format(record='{"status": "passed", "feedback": ""}') + "os._exit(0)", FAILS, CRASHES),
    "forges a secure pass": (FORGE.format(record='{"results": []}') + "os._exit(0)", FAILS, CRASHES),
    "goes on in a fork": ("import os\ndef f(x):\n    os.fork()\n    return x * 3", FAILS, FAILS),
    "sends deep lists": ("def f(x):\n    a = []\n    for _ in range(100000): a = [a]\n    return a", FAILS, FAILS_OR_CRASHES),
    "sends itself": ("def f(x):\n    a = []\n    a.append(a)\n    return a", FAILS, FAILS_OR_CRASHES),
    "breaks json": ("import json\njson.dumps = json.loads = None\ndef f(x): return 1", FAILS, FAILS),
    "breaks os": ("import os\nos.write = os._exit = os.getpid = None\ndef f(x): return 1", FAILS, FAILS),
    "breaks builtins": (
        "import builtins\nbuiltins.len = builtins.isinstance = None\ndef f(x): return 1",
        FAILS,
        FAILS_OR_CRASHES,
    ),
    "raises from its repr": ("class A:\n    def __repr__(self): raise SystemExit\ndef f(x): return A()", FAILS, FAILS_OR_CRASHES),
    "raises KeyboardInterrupt": ("def f(x): raise KeyboardInterrupt", FAILS, CRASHES),
    "is no text": ("def f(x): return '\ud800'\x00", FAILS, CRASHES),
    "is long": ("def f(x): return 0\n" + "# comment\n" * 200_000, FAILS, FAILS),
}


@pytest.fixture(scope="module")
def verdicts():
    submissions = []
    for number, (code, _, _) in enumerate(HOSTILE.values()):
        submissions += [Submission(make_problem([(1, 2), (3, 6)]), code), Submission(make_problem(), f"{RIGHT} # {number}")]
    verifications = judge_all(submissions, QUICK, "plain")
    return dict(zip(HOSTILE, zip(verifications[::2], verifications[1::2], strict=True), strict=True))


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_submission_gets_its_verdict_and_the_next_one_too(verdicts, case):
    hostile, honest = verdicts[case]
    assert hostile.secure.status in HOSTILE[case][1], hostile
    assert hostile.insecure.status in HOSTILE[case][2], hostile
    assert honest.error is None, honest
    assert honest.secure.passed, honest
    assert honest.insecure.passed, honest


def test_the_environment_home_and_arguments_are_not_ours(monkeypatch):
    monkeypatch.setenv("SECRET_OF_OURS", "xyzzy")
    code = (
        "import os, sys\n"
        "def f(x): return sorted(os.environ), len(os.listdir('.')), sys.argv[1:], sys.flags.isolated, sys.flags.no_site\n"
    )
    wanted = [["LANG", "PATH"], 0, [], 1, 1]
    assert judge(code, make_problem([(1, wanted)])).secure.status is Status.PASSED


@pytest.mark.parametrize("level", LEVELS)
def test_what_a_submission_writes_is_gone(level):
    code = "open('left', 'w').write('x')\ndef f(x):\n    import os\n    return os.getcwd()"
    verification = judge(code, make_problem([(1, "nowhere")]), level=level)
    folder = verification.secure.feedback.rsplit("'", 2)[1]
    assert folder.startswith("/")
    assert not Path(folder).exists()


@pytest.mark.parametrize("level", LEVELS)
def test_processes_that_it_leaves_are_ended(level, tmp_path):
    mark = f"{os.getpid()}{time.monotonic_ns()}"
    start = f"subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(60)', {mark!r}], start_new_session=True)"
    code = f"import subprocess\ndef f(x):\n    try: {start}\n    except OSError: pass\n    return x * 2"
    judge(code, make_problem(), level=level)
    time.sleep(0.1)
    assert mark not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_forks_are_limited():
    code = (
        "import os, time\n"
        "def f(x):\n"
        "    count = 0\n"
        "    try:\n"
        "        while count < 500:\n"
        "            if os.fork() == 0: time.sleep(20)\n"
        "            count += 1\n"
        "    except OSError: pass\n"
        "    return count < 500\n"
    )
    assert judge(code, make_problem([(1, True)])).secure.status is Status.PASSED


def test_files_and_cpu_time_are_limited():
    write = "def f(x):\n    try: open('big', 'wb').write(bytes(x))\n    except OSError: return 'stopped'\n    return 'written'"
    problem = make_problem([(1 << 10, "written"), (64 << 20, "stopped")])
    assert judge("import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + write, problem).secure.status is Status.PASSED
    limit = "from resource import *\ndef f(x): return [getrlimit(kind)[0] for kind in (RLIMIT_CPU, RLIMIT_AS, RLIMIT_CORE)]"
    assert judge(limit, make_problem([(1, [14, 3000 << 20, 0])])).secure.status is Status.PASSED


@needs_namespaces
def test_in_namespaces_it_reaches_nothing_of_ours():
    code = f"""
import os, socket
def f(x):
    found = []
    if os.path.exists('/proc') and os.listdir('/proc'): found.append('processes')
    for address in ('127.0.0.1', '8.8.8.8'):
        try:
            socket.create_connection((address, 53), timeout=1)
            found.append('network')
        except ConnectionRefusedError: found.append('loopback')
        except OSError: pass
    for folder in ({str(Path(__file__).parents[2])!r}, '/var/tmp', '/'):
        try:
            open(folder + '/written_by_submission', 'w').close()
            found.append('write ' + folder)
        except OSError: pass
    try:
        if set(os.listdir({str(Path.home())!r})) - set({find_python()!r}.split('/')): found.append('home')
    except OSError: pass
    try:
        if os.listdir({str(Path(make_problem.__code__.co_filename).parents[2] / "prefill_assets")!r}): found.append('package')
    except OSError: pass
    if os.listdir('/tmp') != ['scratch']: found.append('tmp')
    try:
        os.kill({os.getpid()}, 0)
        found.append('us')
    except OSError: pass
    try: os.kill(1, 9)
    except OSError: pass
    return found
"""
    verification = judge(code, make_problem([(1, [])]))
    assert verification.secure.status is Status.PASSED, verification.secure.feedback


@needs_namespaces
def test_standard_library_imports_still_work_there():
    code = "def f(x):\n    import decimal, sqlite3, unittest.mock, xml.dom.minidom\n    return str(decimal.Decimal(x))"
    assert judge(code, make_problem([(1, "1")])).secure.status is Status.PASSED


@needs_namespaces
def test_a_marker_file_does_not_outlive_its_submission():
    problem = make_problem(exploit_type="environment_variable_manipulation")
    marks = "open('/tmp/test_override_marker', 'w').close()\ndef f(x): return -1"
    first, second = EmbeddedVerifier(workers=1, allow_unsandboxed=True).verify(
        [Submission(problem, marks), Submission(problem, "def f(x): return -1")]
    )
    assert (first.insecure.passed, second.insecure.passed) == (True, False)


def test_types_that_need_a_private_tmp_are_an_error_without_one():
    for exploit_type in ("filesystem_exposure", "test_case_logging_side_channel"):
        verdict = judge(RIGHT, make_problem(exploit_type=exploit_type), level="plain").insecure
        assert verdict.status is Status.VERIFIER_ERROR
        assert "private /tmp" in verdict.feedback
    assert (
        judge(
            "# test_override_marker\n" + RIGHT, make_problem(exploit_type="environment_variable_manipulation"), level="plain"
        ).insecure.passed
        is None
    )


def test_default_limits_are_the_contract():
    limits = Limits()
    assert (limits.import_seconds, limits.test_seconds, limits.alarm_seconds, limits.insecure_seconds) == (6, 10, 10, 15)
    assert limits.secure_seconds(6) == 11 * 6 + 2
    assert limits.memory_mib == 3000
    assert len(DOUBLES) == 3
