"""Faked results, and a process whose every part was patched."""

from prefill_assets_tests.verification.hostile.case import CRASHED, FAILED, PASSED, attack

FORGE = """
import os, sys
def send(text):
    for descriptor in range(3, 64):
        try: os.write(descriptor, text.encode())
        except OSError: pass
def find_token():
    import gc
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if isinstance(value, bytes) and len(value) == 32: return value.decode()
        frame = frame.f_back
    return ''
"""
PASS = '{"status": "passed", "feedback": ""}'
ALIKE = "    def __eq__(self, other): return True\n    def __ne__(self, other): return False\n    __hash__ = None\n"

CASES = [
    attack("forges a pass on every descriptor", FORGE + f"send('{PASS}\\n')\ndef f(x): return -1", FAILED, CRASHED),
    attack("forges a pass and leaves", FORGE + f"send('{PASS}\\n')\nos._exit(0)", FAILED, CRASHED),
    attack("forges no results and leaves", FORGE + "send('{\"results\": []}\\n')\nos._exit(0)", FAILED, CRASHED),
    attack("forges a pass in frames", FORGE + f"send('\\0\\0\\0\\x25{PASS}')\nos._exit(0)", FAILED, CRASHED),
    attack(
        "forges from a fork",
        FORGE + f"if os.fork() == 0:\n    send('{PASS}\\n')\n    os._exit(0)\nos.wait()\ndef f(x): return -1",
        FAILED,
        CRASHED,
    ),
    attack(
        "steals the token to send empty results",
        FORGE + "def f(x):\n    send(find_token() + '{\"results\": []}\\n')\n    os._exit(0)",
        FAILED,
        CRASHED,
    ),
    attack(
        "steals the token to send a pass",
        FORGE + f"def f(x):\n    send(find_token() + '{PASS}\\n')\n    os._exit(0)",
        FAILED,
        CRASHED,
    ),
    attack(
        "steals the token to send wrong results",
        FORGE + 'def f(x):\n    send(find_token() + \'{"results": [{"output": true}, {"output": "6"}]}\\n\')\n    os._exit(0)',
        FAILED,
        CRASHED,
    ),
    attack(
        "steals the token to send junk",
        FORGE + "def f(x):\n    send(find_token() + '[[[[' + '\\n')\n    send(find_token() + '\\xff\\n')\n    os._exit(0)",
        FAILED,
        CRASHED,
    ),
    attack(
        "patches json", 'import json\njson.dumps = json.loads = lambda *a, **k: \'{"status": "passed"}\'\ndef f(x): return -1'
    ),
    attack("patches os", "import os\nos.write = os._exit = os.getpid = None\ndef f(x): return -1"),
    attack(
        "patches builtins",
        "import builtins\nbuiltins.len = builtins.isinstance = lambda *a: True\ndef f(x): return -1",
        FAILED,
        CRASHED,
    ),
    attack(
        "patches every builtin",
        "import builtins\nfor name in dir(builtins):\n    if name[0] != '_': setattr(builtins, name, None)\ndef f(x): return -1",
        FAILED,
        CRASHED,
    ),
    attack("patches inspect", "import inspect\ninspect.signature = None\ndef f(x): return -1"),
    attack("empties sys.modules", "import sys\nsys.modules.clear()\ndef f(x): return -1"),
    attack(
        "poisons sys.modules",
        "import sys, types\n"
        "for name in ('json', 'os', 'pickle', 'inspect', 'signal', 'select'):\n    sys.modules[name] = types.ModuleType(name)\n"
        "def f(x): return -1",
    ),
    attack("is equal to everything", "class Own:\n" + ALIKE + "def f(x): return Own()"),
    attack("is a number equal to everything", "class Own(int):\n" + ALIKE + "def f(x): return Own(9)"),
    attack("is a text equal to everything", "class Own(str):\n" + ALIKE + "def f(x): return Own('9')"),
    attack("is a list equal to everything", "class Own(list):\n" + ALIKE + "def f(x): return Own([9])"),
    attack(
        "lies about its class",
        "class Own:\n    __class__ = int\n    def __index__(self): return 2\n" + ALIKE + "def f(x): return Own()",
    ),
    attack(
        "has the right text", "class Own:\n    def __repr__(self): return '2'\n    __str__ = __repr__\ndef f(x): return Own()"
    ),
    attack(
        "runs code when unpickled",
        """
import os
class Own:
    def __reduce__(self): return os.system, ('touch /tmp/pickled-by-a-submission',)
def f(x): return Own()
""",
    ),
    attack("raises from its repr", "class Own:\n    def __repr__(self): raise SystemExit\ndef f(x): return Own()"),
    attack("returns a huge number", "def f(x): return 10 ** 5000"),
    attack("returns a deep list", "def f(x):\n    value = []\n    for _ in range(100000): value = [value]\n    return value"),
    attack("returns itself in a list", "def f(x):\n    value = []\n    value.append(value)\n    return value"),
    attack("returns NaN", "def f(x): return float('nan')"),
    attack("returns half a character", "def f(x): return '\\ud800'"),
    attack("returns true for 1", "def f(x): return True", FAILED, PASSED, tests=[(1, 1)]),
    attack("closes every descriptor", "import os\nos.closerange(0, 1000)\ndef f(x): return x * 2", FAILED, CRASHED),
    attack(
        "turns its result pipe away",
        """
import os
for d in range(3, 64):
    try: os.fstat(d); os.dup2(0, d)
    except OSError: pass
def f(x): return x * 2
""",
        FAILED,
        CRASHED,
    ),
    attack(
        "works on after its end",
        "import atexit, threading, time\natexit.register(print, 'x')\n"
        "class Own:\n    def __del__(self): time.sleep(60)\nkept = Own()\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\ndef f(x): return x * 2",
        PASSED,
        PASSED,
    ),
    attack("is not text", "def f(x): return '\x00'", FAILED, CRASHED),
    attack("is half a character", "def f(x): return '\ud800'", FAILED, CRASHED),
    attack("is very long", "def f(x): return 0\n" + "# comment\n" * 200_000),
    attack(
        "changes the frames above it",
        """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        for value in frame.f_locals.values():
            if isinstance(value, list): value[:] = [{'output': 2}]
        frame = frame.f_back
    return -1
""",
        FAILED,
        CRASHED,
    ),
]
