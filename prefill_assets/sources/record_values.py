"""Values of one field in many lines, from the texts that stand there: read once for each different text where they repeat.

Each function also says which texts it does not know: such a line is for DuckDB, or holds a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import partial
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy
    import pyarrow

_FRACTION = r"^-?(0|[1-9][0-9]{0,18})(\.[0-9]{1,20}([eE][-+]?[0-9]{1,3})?|[eE][-+]?[0-9]{1,3})$"
"""A number that is not whole as text."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_CONTROL = re.compile("[\\x00-\\x07\\x0b\\x0e-\\x1f]")
_LITERALS = ("true", "false", "null", "[]", "{}")


class Column(NamedTuple):
    """Values, and what is to be known about them; None in place of an array that would be the same for all."""

    values: pyarrow.Array
    is_known: numpy.ndarray | None = None
    """All are, where this is None."""
    is_null: numpy.ndarray | None = None
    """None is, where this is None."""


def make_type(name: str) -> pyarrow.DataType:
    """The Arrow type of a column's type in SQL."""
    import pyarrow

    types = {"VARCHAR": pyarrow.string(), "BOOLEAN": pyarrow.bool_(), "INTEGER": pyarrow.int32(), "BIGINT": pyarrow.int64()}
    return types.get(name, pyarrow.float64())


def unescape_texts(texts: pyarrow.Array, is_escaped: numpy.ndarray) -> Column:
    """What the texts between quotes say, of which some have escapes."""
    return _replace_some(texts, is_escaped, '"', lambda values: values)


def respell_texts(texts: pyarrow.Array, is_odd: numpy.ndarray) -> Column:
    """Texts with their quotes, of which some are not spelled as DuckDB writes them."""
    return _replace_some(texts, is_odd, "", lambda values: [_respell(value) for value in values])


def _replace_some(texts: pyarrow.Array, is_odd: numpy.ndarray, quote: str, write: Callable[[list[str]], list[str]]) -> Column:
    """Some texts parsed, and written anew; each different one once."""
    import numpy
    import pyarrow
    from pyarrow.compute import call_function

    if not is_odd.any():
        return Column(texts)
    coded = texts.filter(pyarrow.array(is_odd)).dictionary_encode()
    odd = [f"{quote}{text}{quote}" for text in coded.dictionary.to_pylist()]
    is_known = None
    try:
        replaced = pyarrow.array(write(json.loads(f"[{','.join(odd)}]")), texts.type)
    except ValueError:  # one by one, to know which
        replaced = pyarrow.array([_try(write, text) for text in odd], texts.type)
        is_known = numpy.ones(len(texts), bool)
        is_known[is_odd] = _to_numpy(replaced.is_valid())[coded.indices.to_numpy()]
    arguments = [texts, pyarrow.array(is_odd), replaced.take(coded.indices)]
    return Column(call_function("replace_with_mask", arguments), is_known)


def _try(write: Callable[[list[str]], list[str]], text: str) -> str | None:
    try:
        [written] = write([json.loads(text)])
        written.encode()  # half of a surrogate pair is no character
    except ValueError:
        return None
    return written


def read_column(texts: pyarrow.Array, type_name: str) -> Column:
    """What stands there without quotes, as a column of this type."""
    return _read_doubles(texts) if type_name == "DOUBLE" else _read_each(texts, _READERS[type_name], make_type(type_name))


def read_json(texts: pyarrow.Array) -> Column:
    """The same as JSON: a literal, an empty list or object, or a number that DuckDB writes as it stands here."""
    return _read_each(texts, _read_json, make_type("VARCHAR"))


def _read_doubles(texts: pyarrow.Array) -> Column:
    from pyarrow.compute import MatchSubstringOptions, call_function

    is_number = call_function("match_substring_regex", [texts], MatchSubstringOptions(_FRACTION))
    is_known = is_null = None
    if is_number.false_count:
        is_null = _to_numpy(call_function("equal", [texts, "null"]))
        is_known = is_null | _to_numpy(is_number)
        texts = call_function("if_else", [is_number, texts, None])
    values = texts.cast("float64")
    is_finite = call_function("is_finite", [values]).fill_null(True)
    if is_finite.false_count:
        is_known = _to_numpy(is_finite) if is_known is None else is_known & _to_numpy(is_finite)
    return Column(values, is_known, is_null)


def _read_each(texts: pyarrow.Array, read: Callable[[str], Any], kind: pyarrow.DataType) -> Column:
    import numpy
    import pyarrow

    coded = texts.dictionary_encode()
    codes = coded.indices.to_numpy()
    values, are_known = [], []
    for text in coded.dictionary.to_pylist():
        try:
            values.append(read(text))
            are_known.append(True)
        except ValueError:
            values.append(None)
            are_known.append(False)
    is_known = None if all(are_known) else numpy.array(are_known)[codes]
    is_null = numpy.array([value is None for value in values])[codes] if None in values else None
    return Column(pyarrow.array(values, kind).take(coded.indices), is_known, is_null)


def _to_numpy(flags: pyarrow.Array) -> numpy.ndarray:
    return flags.to_numpy(zero_copy_only=False)


def _respell(value: str) -> str:
    if _CONTROL.search(value):  # these have several spellings
        raise ValueError(value)
    return encode_basestring(value)


def _read_null(text: str) -> None:
    if text != "null":
        raise ValueError(text)


def _read_boolean(text: str) -> bool | None:
    if text not in ("true", "false", "null"):
        raise ValueError(text)
    return None if text == "null" else text == "true"


def _read_whole(bits: int, text: str) -> int | None:
    if text == "null":
        return None
    if not _WHOLE.fullmatch(text) or not -(2**bits) <= int(text) < 2**bits:
        raise ValueError(text)
    return int(text)


def _read_json(text: str) -> str:
    is_fraction = re.fullmatch(_FRACTION, text) and "e" not in text.lower() and repr(float(text)) == text
    if text not in _LITERALS and not _WHOLE.fullmatch(text) and not is_fraction:
        raise ValueError(text)
    return text


_READERS: dict[str, Callable[[str], Any]] = {
    "VARCHAR": _read_null,
    "BOOLEAN": _read_boolean,
    "INTEGER": partial(_read_whole, 31),
    "BIGINT": partial(_read_whole, 63),
}
