"""Pairs: a submission that leaves a mark, and one that looks for it."""

from prefill_assets_tests.verification.hostile.case import PASSED, Case, attack, probe


def leave(name: str, statements: str) -> Case:
    return attack(f"leaves {name}", f"{statements}\ndef f(x): return x * 2", PASSED, PASSED)


CASES = [
    leave("files", "for path in ('mark', '/tmp/mark', '/tmp/test_override_marker', '/dev/shm/mark'): open(path, 'w').write('x')"),
    probe(
        "finds files",
        "found += [p for p in ('mark', '/tmp/mark', '/tmp/test_override_marker', '/dev/shm/mark') if os.path.exists(p)]",
    ),
    probe(
        "finds anything in its folders",
        "found += sorted(set(os.listdir('/tmp')) - {'scratch', 'test_cases.py'}) + os.listdir('.')",
    ),
    leave("a variable", "import os\nos.environ['MARK'] = os.environ['TEST_OVERRIDE'] = 'PASS_ALL'"),
    probe("finds a variable", "found += [name for name in ('MARK', 'TEST_OVERRIDE') if name in os.environ]"),
    leave(
        "modules",
        "import builtins, json, sys\nbuiltins.mark = json.mark = 1\nsys.modules['mark'] = json\nsys.path.insert(0, '/mark')",
    ),
    probe(
        "finds modules",
        """
import json, sys
found += [hasattr(json, 'mark')] * hasattr(json, 'mark') + ['m'] * ('mark' in sys.modules or '/mark' in sys.path)
""",
    ),
    leave(
        "signal settings", "import os, signal\nsignal.signal(signal.SIGUSR1, signal.SIG_IGN)\nos.umask(0o777)\nsignal.alarm(1)"
    ),
    probe(
        "finds signal settings",
        "import signal\nif signal.getsignal(signal.SIGUSR1) != signal.SIG_DFL or os.umask(0o22) == 0o777: found.append('set')",
    ),
    leave("a process", "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)"),
    probe(
        "finds a process",
        """
for number in range(2, 400):
    if number != os.getpid():
        try: os.kill(number, 0); found.append(number)
        except OSError: pass
""",
    ),
    leave(
        "a listening socket",
        """
import os, socket, time
if os.fork() == 0:
    os.setsid()
    s = socket.socket(1)
    s.bind('\\0mark')
    s.listen()
    time.sleep(60)
""",
    ),
    probe(
        "finds a listening socket",
        "import socket\ntry: socket.socket(1).connect('\\0mark'); found.append('socket')\nexcept OSError: pass",
    ),
    leave("words in memory", "kept = 'vwxqzj' 'LEFT' + 'vwxqzjLEFT' * 1000  # vwxqzjLEFT"),
    probe(
        "finds words in memory",
        """
import ctypes
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
own = bytearray(b'vwxqzj') + bytearray(b'SELF')
ends = {ctypes.string_at(id(b'LEFT') + 32, 4): 'left'}
read, write = os.pipe()
is_blind = True
for base in (id(own), libc.malloc(600), ctypes.addressof(ctypes.c_char.from_buffer(own))):
    for page in range((base & ~4095) - (2 << 20), base + (2 << 20), 4096):
        if libc.write(write, ctypes.c_void_p(page), 4096) != 4096: continue
        for part in os.read(read, 4096).split(b'vwxqzj')[1:]:
            if part[:4] == b'SELF': is_blind = False
            if part[:4] in ends: found.append('word')
if is_blind: found.append('blind')
""",
    ),
    leave(
        "attributes of classes",
        "import collections, fractions\ncollections.Counter.mark = 1\nfractions.Fraction.__eq__ = lambda a, b: True",
    ),
    probe("finds attributes of classes", "import collections\nfound += ['mark'] * hasattr(collections.Counter, 'mark')"),
]
