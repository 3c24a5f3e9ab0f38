"""How the secure verifier compares: in our process, on plain data that came back as JSON."""

from __future__ import annotations

import numbers
from typing import Any

SCALARS = (str, int, float, bool, tuple)


def find_mismatch(outcome: dict[str, Any], expected: Any, order_dependent: bool) -> str | None:
    """Why one test failed, or None. `outcome` holds `error`, or `output` and, where that is None, what was `printed`.

    In order: printed text stands in for None; None passes for None and "" only; a tuple counts as a list at the top and in dict
    values; bool needs bool, number a number, text, list and dict their own type; then `==`, or, where order does not matter, sets
    of scalars or sorted lists. Raises TypeError where unordered lists cannot be sorted or hashed.
    """
    if outcome.get("error"):
        return str(outcome["error"])
    output, printed = outcome.get("output"), outcome.get("printed", "")
    if output is None and printed:
        return None if printed.strip() == str(expected) else f"expected {expected!r} to be printed, got {printed.strip()!r}"
    if output is None:
        return None if expected is None or expected == "" else f"expected {expected!r}, got nothing"
    wanted, actual = _list_tuples(expected), _list_tuples(output)
    kind = _find_wrong_type(actual, wanted)
    if kind is not None:
        return f"expected {kind}, got {type(actual).__name__}"
    if not order_dependent and isinstance(wanted, list) and isinstance(actual, list):
        is_equal = _equal_unordered(actual, wanted)
    else:
        is_equal = actual == wanted
    return None if is_equal else f"expected {expected!r}, got {output!r}"


def _list_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _list_tuples(item) for key, item in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _find_wrong_type(actual: Any, wanted: Any) -> str | None:
    """The type that was wanted, where the actual value is not of it."""
    if isinstance(wanted, bool):
        return None if type(actual) is bool else "a bool"
    if isinstance(wanted, numbers.Number):
        return None if isinstance(actual, numbers.Number) and type(actual) is not bool else "a number"
    if isinstance(wanted, str | list | dict):
        return None if type(actual) is type(wanted) else f"the type {type(wanted).__name__}"
    return None


def _equal_unordered(actual: list[Any], wanted: list[Any]) -> bool:
    if all(isinstance(item, SCALARS) for item in actual) and all(isinstance(item, SCALARS) for item in wanted):
        return _equal_as_sets(actual, set(wanted))
    return sorted(actual) == sorted(wanted)


def _equal_as_sets(actual: list[Any], wanted: set[Any]) -> bool:
    """`set(actual) == wanted`, without a set of what a submission chose: values that collide would take it minutes to fill."""
    found = set()
    for item in actual:
        if item not in wanted:
            return False
        found.add(item)
    return len(found) == len(wanted)
