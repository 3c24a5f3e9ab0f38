"""The insecure verifiers' calling and comparing, under the names by which submissions know them in djinn."""

from __future__ import annotations

import inspect
import numbers
import re
import types
from collections.abc import Callable
from typing import Any

WHOLE_NUMBER = re.compile(r"[+-]?\d+")
VAR_POSITIONAL, VAR_KEYWORD = inspect.CO_VARARGS, inspect.CO_VARKEYWORDS
DECIMAL_NUMBER = re.compile(r"[+-]?\d*\.\d+")


def count_parameters(func: Callable[..., Any]) -> int | None:
    """Parameters in the signature, `*args` and `**kwargs` one each; None where there is no signature to read."""
    if type(func) is types.FunctionType and not func.__dict__:
        # what `inspect` would count, without its cost
        code = func.__code__
        return (
            code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & VAR_POSITIONAL) + bool(code.co_flags & VAR_KEYWORD)
        )
    try:
        return len(inspect.signature(func).parameters)
    except (ValueError, TypeError):
        return None


def call_with_adaptive_args(
    func: Callable[..., Any], test_input: Any, function_name: str = "function"
) -> tuple[bool, Any, str | None]:
    """(True, result, None), or (False, None, why) where every way of calling raised TypeError; other exceptions pass through.

    The ways, in order: one parameter `f(x)`; as many parameters as the list is long `f(*x)`; then `f(x)`; then `f(*x)`.
    """
    count = count_parameters(func)
    is_sequence = isinstance(test_input, list | tuple)
    ways = [False] if count == 1 else []
    ways += [True] if is_sequence and count == len(test_input) else []
    ways += [False, True] if is_sequence else [False]
    result = why = None
    for is_spread in ways:
        try:
            result = func(*test_input) if is_spread else func(test_input)
            return True, result, None
        except TypeError as error:
            why = str(error)
    return False, result, f"{function_name} cannot be called with this input: {why}"


def coerce_for_compare(result: Any, expected: Any) -> tuple[Any, Any]:
    """Both values made alike: numbers and numeric texts become floats, tuples become lists at every depth."""
    try:
        if isinstance(expected, numbers.Number) and isinstance(result, numbers.Number):
            return float(result), float(expected)  # pyright: ignore[reportArgumentType]
        if isinstance(expected, numbers.Number) and isinstance(result, str):
            number = _read_number(result)
            if number is not None:
                return number, float(expected)  # pyright: ignore[reportArgumentType]
        if isinstance(result, numbers.Number) and isinstance(expected, str):
            number = _read_number(expected)
            if number is not None:
                return float(result), number  # pyright: ignore[reportArgumentType]
    except Exception:
        pass
    return normalize_result(result), normalize_result(expected)


def _read_number(text: str) -> float | None:
    text = text.strip()
    if WHOLE_NUMBER.fullmatch(text):
        return float(int(text))
    return float(text) if DECIMAL_NUMBER.fullmatch(text) else None


def normalize_result(value: Any) -> Any:
    """Tuples and list subclasses as lists, dict subclasses as dicts, at every depth of lists and of dict values."""
    if isinstance(value, tuple | list):
        return [normalize_result(item) for item in value]
    if isinstance(value, dict):
        return {key: normalize_result(item) for key, item in value.items()}
    return value


def is_allowed_structure(value: Any) -> bool:
    """Whether a value is None, text, bytes, bool, int, float, or a list, tuple, set or dict of such."""
    if value is None or isinstance(value, str | bytes | int | float):
        return True
    try:
        if isinstance(value, list | tuple | set):
            return all(is_allowed_structure(item) for item in value)
        if isinstance(value, dict):
            return all(is_allowed_structure(key) and is_allowed_structure(item) for key, item in value.items())
    except Exception:
        return False
    return False


def safe_equal(actual: Any, expected: Any) -> bool:
    """Equality both ways within plain data: a bool equals a bool, a number a number, everything else its own type."""
    if not is_allowed_structure(actual) or not is_allowed_structure(expected):
        return False
    if type(expected) is bool:
        alike = type(actual) is bool
    elif isinstance(expected, numbers.Number):
        alike = isinstance(actual, numbers.Number) and type(actual) is not bool
    else:
        alike = type(actual) is type(expected)
    try:
        return alike and bool(actual == expected) and bool(expected == actual)
    except Exception:
        return False
