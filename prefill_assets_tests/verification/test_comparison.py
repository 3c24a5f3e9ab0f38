import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefill_assets.verification.comparison import find_mismatch

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(PLAIN)
def test_a_value_matches_itself(value):
    assert find_mismatch({"output": value}, value, True) is None


@given(PLAIN, PLAIN)
def test_a_match_is_equality_and_like_types(output, expected):
    if output is None or find_mismatch({"output": output}, expected, True) is not None:
        return
    assert output == expected
    assert isinstance(output, bool) == isinstance(expected, bool)


@given(st.lists(st.integers(0, 5)), st.randoms())
def test_order_counts_only_where_it_must(values, random):
    shuffled = random.sample(values, len(values))
    assert find_mismatch({"output": shuffled}, values, False) is None
    assert (find_mismatch({"output": shuffled}, values, True) is None) == (shuffled == values)


@pytest.mark.parametrize(
    ("outcome", "expected", "says"),
    [
        ({"error": "ValueError: no"}, 1, "ValueError: no"),
        ({"output": None, "printed": ""}, 1, "expected 1, got nothing"),
        ({"output": None, "printed": " 2 \n"}, 1, "expected 1 to be printed, got '2'"),
        ({"output": True}, 1, "expected a number, got bool"),
        ({"output": 1}, False, "expected a bool, got int"),
        ({"output": "1"}, [1], "expected the type list, got str"),
        ({"output": [1]}, {"a": 1}, "expected the type dict, got list"),
        ({}, 1, "expected 1, got nothing"),
    ],
)
def test_a_mismatch_is_explained(outcome, expected, says):
    assert find_mismatch(outcome, expected, True) == says


SCALAR_LISTS = st.lists(st.integers(-2, 2) | st.booleans() | st.sampled_from(["a", "b", 0.0, 1.0]), max_size=6)


@given(SCALAR_LISTS, SCALAR_LISTS)
def test_lists_in_any_order_are_equal_where_their_sets_are(actual, wanted):
    is_equal = find_mismatch({"output": actual}, wanted, order_dependent=False) is None
    assert is_equal == (set(actual) == set(wanted))


def test_values_made_to_collide_hold_nothing_up():
    colliding = [(2**61 - 1) * factor for factor in range(1, 200_000)]
    began = time.monotonic()

    assert find_mismatch({"output": colliding}, [1, 2, 3], order_dependent=False) is not None
    assert time.monotonic() - began < 5
