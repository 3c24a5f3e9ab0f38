"""Results of a submission as JSON that keeps Python's types apart: written in the job's process, read outside it.

None, bools, floats, texts, and ints of common size stand for themselves, and a list for a list. Everything else is an object with
one key: `tuple`, `set`, `dict` (pairs), `bytes` (hex), `int` (hex), `subclass` (of a text or a container), or `object`.
"""

from __future__ import annotations

import numbers
from dataclasses import dataclass
from typing import Any

MOST_INT = 1 << 10_000
"""Longer ints are not written in decimal: Python refuses to at some length, and is slow before."""

MOST_ODD_KEYS = 1000
"""Longer sets, and dicts with keys that are no texts, are not rebuilt: chosen keys can make that take hours."""

PLAIN_TYPES = (type(None), bool, int, float, str, bytes, list, tuple, set, dict)


@dataclass(frozen=True)
class ForeignObject:
    """Stands outside for a result that is no plain data. `number` is its float value where it is a number such as a Fraction."""

    type_name: str
    number: float | None = None

    def __repr__(self) -> str:
        return f"<{self.type_name} object>"


def as_number(output: Any) -> Any:
    """The float that stands for a number which is no int or float; everything else as it is."""
    is_number = isinstance(output, ForeignObject) and output.number is not None
    return output.number if is_number else output


SUBCLASSES: dict[type, type] = {base: type(f"{base.__name__}_subclass", (base,), {}) for base in PLAIN_TYPES[4:]}


def encode_result(value: Any) -> Any:
    """A result, told from its base where it is of a subclass of one of the texts and containers."""
    is_subclass = type(value) not in PLAIN_TYPES and isinstance(value, PLAIN_TYPES[4:])
    return {"subclass": encode_value(value)} if is_subclass else encode_value(value)


def encode_value(value: Any) -> Any:
    """A value as JSON. What subclasses override does not count, iteration apart. Raises RecursionError for what holds itself."""
    if value is None or type(value) in (bool, float, str):
        return value
    if isinstance(value, int):
        exact = int.__pos__(value) if type(value) is not bool else value
        return exact if -MOST_INT < exact < MOST_INT else {"int": hex(exact)}
    if isinstance(value, float):
        return float.__pos__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return {"bytes": bytes.hex(value)}
    if isinstance(value, list):
        return [encode_value(item) for item in value]
    if isinstance(value, tuple | set):
        return {"tuple" if isinstance(value, tuple) else "set": [encode_value(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode_value(key), encode_value(item)] for key, item in value.items()]}
    return {"object": type(value).__name__, "number": _read_number(value)}


def _read_number(value: Any) -> float | None:
    try:
        return float(value) if isinstance(value, numbers.Number) else None  # pyright: ignore[reportArgumentType]
    except Exception:
        return None


def _has_texts_as_keys(pairs: list[Any]) -> bool:
    return all(isinstance(key, str) for key, _ in pairs)


def decode_value(encoded: Any) -> Any:
    """The value that was encoded. Raises ValueError or TypeError for what `encode_result` does not write."""
    if isinstance(encoded, list):
        return [decode_value(item) for item in encoded]
    if not isinstance(encoded, dict):
        return encoded
    kind: str = next(iter(encoded), "")
    content: Any = encoded.get(kind)
    if kind == "object":
        number = encoded.get("number")
        return ForeignObject(str(content)[:100], number if isinstance(number, float) else None)
    if len(encoded) != 1:
        raise ValueError("not an encoded value")
    if kind in ("set", "dict") and len(content) > MOST_ODD_KEYS and (kind == "set" or not _has_texts_as_keys(content)):
        return ForeignObject(f"long {kind}")
    if kind == "tuple":
        return tuple(decode_value(item) for item in content)
    if kind == "set":
        return {decode_value(item) for item in content}
    if kind == "dict":
        return {decode_value(key): decode_value(item) for key, item in content}
    if kind == "bytes":
        return bytes.fromhex(content)
    if kind == "int":
        return int(content, 16)
    if kind == "subclass":
        value = decode_value(content)
        return SUBCLASSES[type(value)](value)
    raise ValueError("not an encoded value")
