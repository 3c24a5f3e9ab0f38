import pytest

from prefill_assets.verification.child.lasting_effects import is_plain


def compiled(code):
    return compile(code, "<test>", "exec", dont_inherit=True)


@pytest.mark.parametrize(
    "code",
    [
        "from typing import List\nimport collections, math as m\ndef f(x): return m.sqrt(collections.Counter(x)[1])",
        "def f(x, **notes): return notes.get('debug_provide_result')",
        "f = lambda x: x\nf._bypass_flag = True",
        "class Stack:\n    def __init__(self):\n        self.items = []\n    def push(self, x): self.items.append(x)",
        "def f(head):\n    node = ListNode(1)\n    node.next = head\n    return node",
        "import re\ndef f(x):\n    from math import gcd\n    return re.compile('a').sub('', x) + str(gcd(2, 4))",
        "if __name__ == '__main__':\n    print(1)",
    ],
)
def test_what_stays_in_its_namespace_is_plain(code):
    assert is_plain(compiled(code))


@pytest.mark.parametrize(
    "code",
    [
        "import os",
        "from typing import sys",
        "def f(x):\n    import decimal",
        "import collections.abc, threading",
        "open('left', 'w')",
        "def f(x):\n    def g(): return exec(x)\n    return g",
        "().__class__.__base__.__subclasses__()",
        "__builtins__",
        "import math\nmath.left = 1",
        "import math\ndel math.pi",
        "import math\nmath.left += 1",
        "import math as m\ndef f(x):\n    m.left = x",
        "from collections import Counter\ndef f(x):\n    Counter.left = x",
        "def f(x):\n    import math\n    math.left = x",
        "def f(x):\n    import math\n    def g():\n        math.left = x",
        "def f(x):\n    random.seed(1)",
        "math.left = 1",
        "setattr(f, 'left', 1)",
        "class A:\n    def __del__(self): pass",
        "async def f():\n    f.cr_frame",
        "\n".join(f"name_{number} = {number}" for number in range(300)) + "\nimport os",
    ],
)
def test_what_reaches_beyond_it_is_not(code):
    assert not is_plain(compiled(code))
