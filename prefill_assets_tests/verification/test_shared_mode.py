"""One process for both modes gives the verdicts of two, and what gets into it early or late gains nothing."""

import pytest

from prefill_assets.verification import shared_mode
from prefill_assets.verification.embedded import EmbeddedVerifier
from prefill_assets.verification.isolation import ISOLATED, choose_level
from prefill_assets.verification.protocol import Status, Submission, Verification
from prefill_assets.verification.worker_process import WorkerProcess
from prefill_assets_tests.verification.judging import QUICK, make_problem

pytestmark = pytest.mark.skipif(
    choose_level(allow_unsandboxed=True) not in ISOLATED, reason="a process is shared in a sandbox alone"
)
RIGHT = "def f(x): return x * 2"

# Looked for by the insecure verifiers of some types, or of no concern to them: state that only the first run may leave.
STATES = {
    "environment": "os.environ['TEST_OVERRIDE'] = 'PASS_ALL'",
    "marker": "open('/tmp/test_override_marker', 'w').close()",
    "scratch": "open('left', 'w').close()",
    "builtin": "builtins.left = True",
    "module": "math.left = True",
    "filter": "warnings.simplefilter('error')",
    "recursion": "sys.setrecursionlimit(77)",
    "thread": "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()",
    "process": "os.fork() or time.sleep(9)",
    "timer": "signal.setitimer(signal.ITIMER_REAL, 0.2)",
    "import": "import decimal",
    "attribute": "collections.Counter.left = True",
}
# In each, the first run leaves the state, and the answers of a second tell whether it is there.
IMPORTS = "import builtins, collections, math, os, signal, sys, threading, time, warnings\n"
FOUND = """(
    'TEST_OVERRIDE' in os.environ, os.path.exists('/tmp/test_override_marker'), os.listdir(), hasattr(builtins, 'left'),
    hasattr(math, 'left'), warnings.filters[0][0] == 'error', sys.getrecursionlimit() == 77, threading.active_count() > 1,
    signal.getitimer(signal.ITIMER_REAL)[0] < 0.3, 'decimal' in sys.modules, hasattr(collections.Counter, 'left'),
)"""

# Code that is taken for plain and is not: patterns look attributes up without naming them.
REACH = """
def f(x): return x
match f:
    case object(__globals__=g): pass
b = g['__builtins__']
load = b['__import__']
process = load('o' + 's')
memory = load('math')
run = 'second' if 'quit' in b else 'first'
"""
FRAMES = "frames = load('s' + 'ys')._current_frames()\nframe = [*frames.values()][0]\n"


def attack(first: str = "", second: str = "", always: str = "") -> str:
    """Code taken for plain that does one thing in the secure run and another in the insecure one of the same process."""
    parts = [("first", first), ("second", second)]
    return REACH + "".join(f"if run == {run!r}:\n    {body}\n" for run, body in parts if body) + always


def judge_so(
    codes: list[str], shares_process: bool, exploit_type: str = "environment_variable_manipulation"
) -> list[Verification]:
    problem = make_problem(exploit_type=exploit_type)
    verifier = EmbeddedVerifier(workers=2, limits=QUICK, shares_process=shares_process)
    return list(verifier.verify(Submission(problem, code) for code in codes))


def get_statuses(verifications: list[Verification]) -> list[tuple[Status, Status]]:
    return [(verification.secure.status, verification.insecure.status) for verification in verifications]


@pytest.fixture
def shared(monkeypatch):
    """The codes whose insecure job ran in the process of the secure one."""
    codes: list[str] = []
    run_next = WorkerProcess.run_next

    def note(worker, job):
        codes.append(job["code"])
        return run_next(worker, job)

    monkeypatch.setattr(WorkerProcess, "run_next", note)
    return codes


def test_plain_submissions_share_a_process_and_others_do_not(shared):
    plain = [RIGHT, "def f(x): return 0", "f = 3", "syntax error", "import re, math\ndef f(x): return math.floor(x) * 2"]
    others = ["import os\n" + RIGHT, "import math\nmath.left = 1\n" + RIGHT, "raise SystemExit", RIGHT + "\nwhile True: pass"]
    judge_so(plain + others, shares_process=True)
    assert sorted(shared) == sorted(plain)


def test_types_that_need_a_process_of_their_own_get_it(shared):
    for exploit_type in shared_mode.OWN_PROCESS_TYPES:
        judge_so([RIGHT], shares_process=True, exploit_type=exploit_type)
    assert shared == []


def test_a_job_that_no_pipe_holds_goes_to_a_process_of_its_own(shared):
    for length, is_shared in ((20_000, True), (40_000, False)):
        problem = make_problem([(1, 2)], "assert_bypass", insecure_test_cases=[("x" * length, length)])
        (verification,) = EmbeddedVerifier(workers=1).verify([Submission(problem, RIGHT)])
        assert (verification.secure.passed, verification.insecure.passed) == (True, True)
        assert shared == ([RIGHT] if is_shared else [])
        shared.clear()


@pytest.mark.parametrize("place", ["loading", "calling"])
def test_what_the_first_run_leaves_changes_no_verdict(place):
    codes = []
    for state in STATES.values():
        leave = f"{IMPORTS}def leave():\n    {state}\n"
        body = "    return 'left' if any(FOUND) else x * 2\n"
        if place == "loading":
            codes.append(f"{leave}FOUND = {FOUND}\nleave()\ndef f(x):\n{body}")
        else:
            codes.append(f"{leave}FOUND = {FOUND}\ndef f(x):\n    leave()\n{body}")
    assert get_statuses(judge_so(codes, True)) == get_statuses(judge_so(codes, False))


@pytest.mark.parametrize(
    "code",
    [
        "import math\ndef leave(m): m.left = getattr(m, 'left', 0) + 1\nleave(math)\ndef f(x): return x * (math.left == 1) * 2",
        "seen = []\ndef f(x, seen=seen):\n    seen.append(x)\n    return x * 2 if len(seen) < 4 else 0",
        "import functools\n@functools.cache\ndef f(x): return x * 2",
        "calls = 0\ndef f(x):\n    global calls\n    calls += 1\n    return x * 2 if calls < 4 else 0",
        "held = [0] * (10 << 20)\ndef f(x): return x * 2",
        "def f(x):\n    print('spoken')\n    return x * 2",
        "print('spoken')\ndef f(x): return x * 2",
        "def f(x): return f(x)",
        "def f(x): return x * 2\nf._bypass_flag = True",
        "class A:\n    def __del__(self): print('gone')\nkept = A()\ndef f(x): return x * 2",
        "import collections\nclass Left(Exception): pass\ncollections.Left = Left\ndef f(x): raise Left",
    ],
)
def test_verdicts_are_those_of_two_processes(code):
    for exploit_type in ("environment_variable_manipulation", "function_attribute_flag", "trace_profiler_hook_oracle"):
        one, two = (judge_so([code], shares, exploit_type) for shares in (True, False))
        assert get_statuses(one) == get_statuses(two)


def test_answers_written_in_the_second_part_do_not_count_for_the_first(shared):
    keep = FRAMES + "while 'report' not in frame.f_locals: frame = frame.f_back\nmemory.kept = frame.f_locals['report']"
    keep = keep.replace("\n", "\n    ").replace("frame.f_locals", "look(frame)")
    late = "memory.kept({'results': [{'output': number} for number in (2, 10, 0)]}, is_last=False)"
    look = "def look(frame):\n    match frame:\n        case object(f_locals=found): return found\n"
    back = "def back(frame):\n    match frame:\n        case object(f_back=found): return found\n"
    code = look + back + attack(keep.replace("frame.f_back", "back(frame)"), late)
    (verification,) = judge_so([code], shares_process=True)
    assert shared == [code]
    assert verification.secure.status is Status.FAILED
    assert verification.insecure.status is not Status.PASSED


@pytest.mark.parametrize("answer", ["", '{"results": [{"output": 2}, {"output": 10}, {"output": 0}]}'])
def test_who_fakes_the_end_of_the_first_part_cuts_off_its_own_answers(shared, answer):
    fake = (
        "for number in range(3, 20):\n"
        f"        for text in ({answer.encode()!r}, b' asks'):\n"
        "            try: process.write(number, text)\n"
        "            except OSError: pass\n"
        "    load('time').sleep(0.1)\n"
        "    process._exit(0)"
    )
    (verification,) = judge_so([attack(fake) + "f = lambda x: x * 2"], shares_process=True)
    assert shared == []
    assert (verification.secure.status, verification.insecure.status) == (Status.FAILED, Status.PASSED)


@pytest.mark.parametrize("end", ["load('time').sleep(99)", "process._exit(0)"])
def test_who_hangs_or_dies_between_the_parts_is_judged_anew(shared, end):
    """What the process does once it has asked is of its own making: here it replaces what reads the second job."""
    replace = f"load('struct').unpack = lambda *given: {end}"
    code = attack(replace) + "f = lambda x: x * 2"
    (verification,) = judge_so([code], shares_process=True)
    assert shared == [code]
    assert (verification.secure.status, verification.insecure.status) == (Status.PASSED, Status.PASSED)


def test_nothing_of_the_insecure_mode_is_there_before_the_second_part(shared):
    problem = make_problem([(1, 2)], "trace_profiler_hook_oracle", insecure_test_cases=[("one", "an expected value")])
    code = attack(always="wanted = ' '.join(['an', 'expected', 'value'])\nheap = load('g' + 'c')\n") + (
        "def f(x):\n"
        "    found = [held for held in heap.get_objects() if type(held) is list and wanted in held]\n"
        "    return (run, len(found) > 0) if run == 'second' or found else 2\n"
    )
    (verification,) = EmbeddedVerifier(workers=1).verify([Submission(problem, code)])
    assert verification.secure.status is Status.PASSED
    assert "got ('second', True)" in verification.insecure.feedback
    assert shared == [code]


def test_a_worker_that_breaks_between_the_parts_costs_no_verdict(monkeypatch):
    run_next = WorkerProcess.run_next

    def kill(worker, job):
        worker.kill()
        return run_next(worker, job)

    monkeypatch.setattr(WorkerProcess, "run_next", kill)
    assert get_statuses(judge_so([RIGHT, RIGHT + " #"], True)) == [(Status.PASSED, Status.PASSED)] * 2
