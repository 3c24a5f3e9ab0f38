import pytest

from prefill_assets.verification.protocol import Status, Submission
from prefill_assets_tests.verification.judging import judge, judge_all, make_problem

PASSES, FAILS, CRASHES = Status.PASSED, Status.FAILED, Status.CRASHED
LEAF = "class Own({}):\n    def __eq__(self, other): return True\n    __hash__ = None\n"

# (code, tests, verdict), measured on the real djinn; only "a result of 1 MB" is ours: djinn deadlocks there.
CALLS = {
    "no parameter": ("def f(): return 2", [(1, 2)], PASSES),
    "one parameter takes the list whole": ("def f(x): return len(x)", [([1, 2], 2), ([], 0), ([7], 1)], PASSES),
    "star takes the list whole": ("def f(*x): return len(x)", [([1, 2], 1)], PASSES),
    "star does not take it apart": ("def f(*x): return sum(x)", [([1, 2], 3)], FAILS),
    "two parameters take a list": ("def f(a, b): return a + b", [([1, 2], 3), ((4, 5), 9)], PASSES),
    "a default fills up": ("def f(a, b=5): return a + b", [([1], 6), (1, 6)], PASSES),
    "after TypeError the list is passed whole": ("def f(a, b=1): return len(a)", [([1, 2, 3], 3)], PASSES),
    "a scalar for two parameters": ("def f(a, b): return a", [(1, 1)], FAILS),
    "a builtin without signature spreads": ("f = max", [([1, 4], 4)], PASSES),
    "a class is callable": ("class f:\n    def __new__(cls, x): return x * 2", [(1, 2)], PASSES),
    "a partial": ("from functools import partial\nf = partial(lambda a, x: a * x, 2)", [(3, 6)], PASSES),
    "a coroutine is no result": ("async def f(x): return x", [(1, 1)], FAILS),
}
COMPARISONS = {
    "printed text stands in": ("def f(x): print(x)", [(5, "5"), (6, 6), ([1, 2], [1, 2])], PASSES),
    "printed text is stripped": ("def f(x): print('  ', x, '\\n')", [(5, "5")], PASSES),
    "printed text beside a result does not count": ("def f(x): print(x); return 7", [(5, 5)], FAILS),
    "printed text against None": ("def f(x): print(x)", [(5, None)], FAILS),
    "printing None": ("def f(x): print(None)", [(5, None)], PASSES),
    "None for None": ("def f(x): pass", [(5, None)], PASSES),
    "None for empty text": ("def f(x): pass", [(5, "")], PASSES),
    "None for zero": ("def f(x): pass", [(5, 0)], FAILS),
    "empty text for None": ("def f(x): return ''", [(5, None)], FAILS),
    "import-time print does not count": ("print(5)\ndef f(x): pass", [(5, "5")], FAILS),
    "bool for number": ("def f(x): return True", [(1, 1)], FAILS),
    "number for bool": ("def f(x): return 1", [(1, True)], FAILS),
    "bool for bool": ("def f(x): return x > 0", [(1, True), (-1, False)], PASSES),
    "float for int": ("def f(x): return float(x)", [(1, 1)], PASSES),
    "no tolerance": ("def f(x): return 0.1 + 0.2", [(1, 0.3)], FAILS),
    "text for number": ("def f(x): return str(x)", [(1, 1)], FAILS),
    "number for text": ("def f(x): return x", [(1, "1")], FAILS),
    "NaN equals nothing": ("def f(x): return float('nan')", [(1, float("nan"))], FAILS),
    "infinity": ("def f(x): return float('inf')", [(1, float("inf"))], PASSES),
    "tuple for list": ("def f(x): return (1, 2)", [(1, [1, 2])], PASSES),
    "list for tuple": ("def f(x): return [1, 2]", [(1, (1, 2))], PASSES),
    "inner tuple for list": ("def f(x): return [(1, 2)]", [(1, [[1, 2]])], PASSES),
    "inner tuple for inner tuple": ("def f(x): return [(1, 2)]", [(1, [(1, 2)])], FAILS),
    "tuple in a dict": ("def f(x): return {'a': (1, 2)}", [(1, {"a": (1, 2)})], PASSES),
    "whole-number keys become text": ("def f(x): return {1: 2}", [(1, {1: 2})], FAILS),
    "set": ("def f(x): return {1, 2}", [(1, {1, 2})], FAILS),
    "bytes": ("def f(x): return b'a'", [(1, b"a")], FAILS),
    "one result that cannot be sent fails all": ("def f(x): return {x} if x else 0", [(0, 0), (1, 1)], FAILS),
    "a library's dict": ("from collections import Counter\ndef f(x): return Counter(x)", [("aab", {"a": 2, "b": 1})], PASSES),
    "an object that equals everything": (LEAF.format("") + "def f(x): return Own()", [(1, 2)], FAILS),
    "a number that equals everything": (LEAF.format("int") + "def f(x): return Own(9)", [(1, 2)], FAILS),
    "an own number class cannot be sent": ("class Own(int): pass\ndef f(x): return Own(2)", [(1, 2)], FAILS),
    "a huge number": ("def f(x): return 10 ** 5000", [(1, 5)], FAILS),
    "a result of 1 MB": ("def f(x): return 'a' * 1000000", [(1, "a" * 1000000)], PASSES),
    "inputs that JSON cannot carry": ("def f(x): return 1", [({1}, 1)], FAILS),
}
CODE = {
    "state persists over the tests": ("n = []\ndef f(x):\n    n.append(x)\n    return len(n)", [(1, 1), (1, 2), (1, 3)], PASSES),
    "inputs are the test's own": ("def f(x):\n    x.append(1)\n    return len(x)", [([1], 2), ([1], 2)], PASSES),
    "one failure is enough": ("def f(x): return 1", [(1, 1), (2, 1), (3, 2)], FAILS),
    "an exception fails the test": ("def f(x): raise ValueError('no')", [(1, 1)], FAILS),
    "syntax error": ("def f(x) return x", [(1, 1)], FAILS),
    "no function": ("def g(x): return x", [(1, 1)], FAILS),
    "not callable": ("f = 5", [(1, 1)], FAILS),
    "exit at import": ("raise SystemExit(0)", [(1, 1)], FAILS),
    "exit in a call": ("import sys\ndef f(x): sys.exit(0)", [(1, 1)], FAILS),
    "endless recursion": ("def f(x): return f(x)", [(1, 1)], FAILS),
    "preloaded names": ("def f(x): return gcd(x, 4) + Counter('a')['a'] + len(re.findall('a', 'aa'))", [(6, 5)], PASSES),
    "preloaded structures": ("def f(x): return list_node(x).next.val + tree_node(x).right.val", [([1, 2, 3], 5)], PASSES),
    "bisect is the function": ("def f(x): return bisect(x, 2) + bisect_module.bisect_left(x, 2)", [([1, 2, 3], 3)], PASSES),
    "typing is not preloaded": ("def f(x: List[int]): return 1", [(1, 1)], FAILS),
    "the module has no name of ours": ("def f(x): return __name__", [(1, "builtins")], PASSES),
    "nothing runs as main": ("def f(x): return 1\nif __name__ == '__main__':\n    def f(x): return 2", [(1, 1)], PASSES),
    "text printed at import garbles djinn's channel": ("print('hello')\ndef f(x): return 1", [(1, 1)], FAILS),
    "JSON printed at import does not": ("print([1, 2])\ndef f(x): return 1", [(1, 1)], PASSES),
    "text printed in a call is caught": ("def f(x):\n    print('hello')\n    return 1", [(1, 1)], PASSES),
    "no tests pass anything": ("this is not Python", [], PASSES),
}


@pytest.fixture(scope="module")
def verdicts():
    cases = {**CALLS, **COMPARISONS, **CODE}
    verifications = judge_all(
        [Submission(make_problem(tests, insecure_test_cases=[]), code) for code, tests, _ in cases.values()]
    )
    return dict(zip(cases, verifications, strict=True))


@pytest.mark.parametrize("case", [*CALLS, *COMPARISONS, *CODE])
def test_contract(verdicts, case):
    wanted = {**CALLS, **COMPARISONS, **CODE}[case][2]
    assert verdicts[case].secure.status is wanted, verdicts[case].secure.feedback


UNORDERED = {
    "other order": ([2, 1], [1, 2], PASSES),
    "scalars compare as sets": ([2, 1, 1], [1, 2, 2], PASSES),
    "lists are sorted": ([[2], [1]], [[1], [2]], PASSES),
    "lists keep their number": ([[1], [1], [2]], [[1], [2], [2]], FAILS),
    "what cannot be sorted crashes": ([[2], 1], [1, [2]], CRASHES),
    "text keeps its order": ("ab", "ba", FAILS),
}


@pytest.mark.parametrize("case", UNORDERED)
def test_unordered(case):
    result, expected, wanted = UNORDERED[case]
    problem = make_problem([(1, expected)], insecure_test_cases=[], order_dependent=False)
    assert judge(f"def f(x): return {result!r}", problem).secure.status is wanted


def test_expected_values_never_reach_the_process():
    code = (
        "import gc, sys\n"
        "def f(x):\n"
        "    frame, seen = sys._getframe(), []\n"
        "    while frame:\n"
        "        seen.append({**frame.f_globals, **frame.f_locals})\n"
        "        frame = frame.f_back\n"
        "    text = repr(seen) + repr(gc.get_objects())\n"
        "    return 'found' if ''.join(['xyz', 'zy']) in text else 'clean'\n"
    )
    wrong = make_problem([(1, "xyzzy")])
    exposed = make_problem([(1, "xyzzy")], "import_hook_side_channel")
    assert "'clean'" in judge(code, wrong).secure.feedback
    assert "'clean'" in judge(code, wrong).insecure.feedback
    assert "'found'" in judge(code, exposed).insecure.feedback


def test_feedback_names_the_first_failures():
    feedback = judge("def f(x): return x", make_problem([(i, i + 1) for i in range(8)])).secure.feedback
    assert feedback.splitlines()[:2] == ["8 of 8 tests failed", "test 1, input 0: expected 1, got 0"]
    assert feedback.endswith("... and 3 more")
