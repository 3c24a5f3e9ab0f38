import json
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import pytest

from prefill_assets.verification.child.plain_values import ForeignObject, decode_value, encode_result

Pair = namedtuple("Pair", "a b")
Level = IntEnum("Level", "LOW")


class Text(str):
    pass


class Numbers(list):
    pass


def carry(value):
    return decode_value(json.loads(json.dumps(encode_result(value))))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0,
        -(10**30),
        pytest.param(10**5000, id="long"),
        1.5,
        2.0,
        -0.0,
        float("inf"),
        pytest.param("a\x00é\ud800", id="text"),
        b"\x00\xff",
        [],
        [1, [2.0, (True, "x")]],
        (),
        (1, (2,)),
        {1, "a", (2, 3)},
        {"a": {1: [None]}, (1, 2): b"x"},
        {"tuple": [1], "object": 2},
    ],
)
def test_plain_data_comes_back_as_it_went(value):
    back = carry(value)
    assert repr_without_limits(back) == repr_without_limits(value)
    assert type(back) is type(value)


def repr_without_limits(value):
    return hex(value) if type(value) is int else repr(value)


@pytest.mark.parametrize(
    ("value", "base"),
    [(Text("a"), "a"), (Numbers([1]), [1]), (Pair(1, 2), (1, 2)), (Counter("a"), {"a": 1}), (OrderedDict(a=1), {"a": 1})],
)
def test_subclasses_are_told_from_their_base(value, base):
    back = carry(value)
    assert back == base
    assert type(back) is not type(base)
    assert isinstance(back, type(base))


def test_numbers_lose_their_class():
    assert type(carry(Level.LOW)) is int
    assert carry([Text("a"), Numbers([Level.LOW])]) == ["a", [1]]


@pytest.mark.parametrize(
    ("value", "number"),
    [(Decimal("0.5"), 0.5), (Fraction(1, 4), 0.25), (1j, None), (deque([1]), None), (object(), None), (Decimal("sNaN"), None)],
)
def test_other_objects_are_named(value, number):
    assert carry(value) == ForeignObject(type(value).__name__, number)


def test_methods_of_the_class_do_not_count():
    class Liar(int):
        def __eq__(self, other):
            return True

        __hash__ = None

        def __int__(self):
            return 7

        def __repr__(self):
            return "7"

    assert carry(Liar(9)) == 9
    assert carry([Liar(9)]) == [9]
    assert carry(defaultdict(int, a=Liar(9))) == {"a": 9}


@pytest.mark.parametrize(
    "forged",
    [{}, {"tuple": 5}, {"dict": [1]}, {"set": [[1]]}, {"bytes": "x"}, {"subclass": 1}, {"tuple": [], "set": []}, {"int": 5}],
)
def test_what_nobody_encoded_is_refused(forged):
    with pytest.raises((ValueError, TypeError, KeyError)):
        decode_value(forged)


@pytest.mark.parametrize("kind", ["set", "dict"])
def test_keys_of_one_hash_take_no_hours(kind):
    keys = [number * (2**61 - 1) for number in range(50_000)]
    started = time.monotonic()
    assert isinstance(decode_value({kind: keys if kind == "set" else [[key, 1] for key in keys]}), ForeignObject)
    assert time.monotonic() - started < 5
    assert len(decode_value({"dict": [[str(key), 1] for key in keys]})) == len(keys)
