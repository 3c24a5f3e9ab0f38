"""Processes and signals, memory, time and output."""

from prefill_assets_tests.verification.hostile.case import CRASHED, FAILED, PASSED, attack, probe

CASES = [
    probe(
        "signals everybody",
        """
for number in (1, $PID, os.getppid() or 1):
    for kind in (15, 9):
        try: os.kill(number, kind)
        except OSError: pass
os.kill(1, 0) if os.getuid() == -1 else None
""",
    ),
    attack(
        "signals all processes that it may",
        "import os\ntry: os.kill(-1, 9)\nexcept OSError: pass\ndef f(x): return x * 2",
        PASSED,
        PASSED,
    ),
    attack("kills its group", "import os\ndef f(x): os.killpg(0, 9)", FAILED, CRASHED),
    attack("kills itself", "import os\ndef f(x): os.kill(os.getpid(), 9)", FAILED, CRASHED),
    attack("stops itself", "import os, signal\ndef f(x): os.kill(os.getpid(), signal.SIGSTOP)", FAILED, CRASHED),
    attack("terminates itself", "import os\ndef f(x): os.kill(os.getpid(), 15)", FAILED, CRASHED),
    attack("breaks down", "import ctypes\ndef f(x): ctypes.string_at(0)", FAILED, CRASHED),
    attack("aborts with a core dump", "import os\ndef f(x): os.abort()", FAILED, CRASHED),
    attack("ends with status 0", "import os\ndef f(x): os._exit(0)", FAILED, CRASHED),
    attack("ends with status 0 at import", "import os\nos._exit(0)", FAILED, CRASHED),
    attack("leaves by SystemExit", "def f(x): raise SystemExit(0)", FAILED, CRASHED),
    attack("leaves at import", "raise SystemExit(0)", FAILED, CRASHED),
    attack("is a fork bomb", "import os\nwhile True: os.fork()\ndef f(x): return x * 2", FAILED, CRASHED),
    attack(
        "is a patient fork bomb",
        "import os, time\ndef f(x):\n    while True:\n        try: os.fork()\n        except OSError: time.sleep(0.01)",
        FAILED,
        CRASHED,
    ),
    probe(
        "starts very many threads",
        """
import threading, time
threads = []
try:
    while len(threads) < 1000:
        threads.append(threading.Thread(target=time.sleep, args=(60,), daemon=True))
        threads[-1].start()
except RuntimeError: pass
if len(threads) > 40: found.append(len(threads))
""",
    ),
    attack(
        "leaves a daemon behind",
        """
import ctypes, os, time
def f(x):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            ctypes.CDLL(None).prctl(15, b'hostile-daemon')
            for descriptor in range(64):
                try: os.close(descriptor)
                except OSError: pass
            time.sleep(60)
        os._exit(0)
    return x * 2
""",
        PASSED,
        PASSED,
    ),
    attack("goes on in a fork", "import os\ndef f(x):\n    os.fork()\n    return x * 3"),
    attack("runs a loop for ever", "def f(x):\n    while True: pass", FAILED, CRASHED),
    attack(
        "ignores its alarm",
        "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\ndef f(x):\n    while True: pass",
        FAILED,
        CRASHED,
    ),
    attack("stops its alarm", "import signal, time\ndef f(x):\n    signal.setitimer(0, 0)\n    time.sleep(60)", FAILED, CRASHED),
    attack(
        "blocks its alarm",
        "import signal, time\ndef f(x):\n    signal.pthread_sigmask(0, range(1, 65))\n    time.sleep(60)",
        FAILED,
        CRASHED,
    ),
    attack(
        "catches its alarm",
        "def f(x):\n    while True:\n        try:\n            while True: pass\n        except Exception: pass",
        FAILED,
        CRASHED,
    ),
    attack("computes where no alarm comes", "def f(x): return 7 ** 10 ** 8", FAILED, CRASHED),
    attack(
        "turns the clock", "import time\ntime.monotonic = time.time = lambda: 0\ndef f(x):\n    while True: pass", FAILED, CRASHED
    ),
    attack("takes all memory at once", "def f(x): return len('a' * (1 << 40))"),
    attack("fills lists", "def f(x):\n    kept = []\n    while True: kept.append(bytearray(1 << 24))"),
    attack(
        "takes memory in many processes",
        """
import os, time
import signal
def f(x):
    signal.setitimer(signal.ITIMER_REAL, 0)
    for _ in range(8):
        if os.fork() == 0:
            kept = b'x' * (60 << 20)
            time.sleep(60)
    time.sleep(60)
""",
        FAILED,
        CRASHED,
        says="too much memory",
    ),
    attack("calls itself for ever", "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(x): return f(x)", FAILED, CRASHED),
    attack("prints without end", "def f(x):\n    while True: print('a' * 65536)"),
    attack(
        "floods its streams",
        "import os\ndef f(x):\n    while True: os.write(1, b'a' * 65536); os.write(2, b'b' * 65536)",
        FAILED,
        FAILED,
    ),
    attack(
        "floods the result pipe",
        "import os\ndef f(x):\n    while True:\n        for d in range(3, 64):\n            try: os.write(d, b'x' * 65536)\n"
        "            except OSError: pass",
        FAILED,
        CRASHED,
    ),
    attack(
        "floods it from a daemon and leaves",
        """
import os
if os.fork() == 0:
    os.setsid()
    while True:
        for descriptor in range(3, 64):
            try: os.write(descriptor, b'x' * 65536)
            except OSError: pass
os._exit(0)
""",
        FAILED,
        CRASHED,
    ),
    attack("returns 2 MiB", "def f(x): return 'a' * (2 << 20)"),
]
