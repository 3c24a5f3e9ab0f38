"""Lines that are the same but for their values: told by the places of their quotes, without parsing each.

One line of each form is parsed. Another has this form if it holds, byte for byte, the same text around its values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from prefill_assets.sources.record_lines import RecordLines

if TYPE_CHECKING:
    import numpy

MAX_FORMS = 24
"""So many are tried: a form costs as much for a few lines as for thousands."""

_SPACE = rb"[ \t]*"
_PAIR = re.compile(
    rb'(?P<before>%(space)s"(?P<name>[^"\\]+)"%(space)s:%(space)s)'
    rb'(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<token>\[\]|\{\}|[^",\[\]{} \t]+))'
    rb"(?P<after>%(space)s[,}])" % {b"space": _SPACE}
)


class Between(NamedTuple):
    """Text that every line of a form has before one of its values, or at its end."""

    text: bytes
    quote: int
    """Which of the line's quotes it is found by; -1 if by the start of the line, -2 if by its end."""
    distance: int
    """Bytes from the start of this text to what it is found by."""


class Values(NamedTuple):
    """Where the values of one field stand; arrays of shape (lines of the form,)."""

    is_text: bool
    """Between quotes, which are not part of it."""
    starts: numpy.ndarray
    ends: numpy.ndarray


@dataclass(frozen=True)
class Form:
    """What such lines have in common."""

    names: tuple[str, ...]
    are_texts: tuple[bool, ...]
    between: tuple[Between, ...]
    """One more than there are names."""
    num_quotes: int

    def find_values(
        self, lines: RecordLines, chosen: numpy.ndarray, first_quotes: numpy.ndarray
    ) -> tuple[numpy.ndarray, dict[str, Values]]:
        """Which of the chosen lines, all of `num_quotes` quotes, have this form, and where their values stand.

        first_quotes: the place in `lines.quotes` of each one's first.
        """
        import numpy

        places = [self._find(between, lines, chosen, first_quotes) for between in self.between]
        has_form = numpy.ones(len(chosen), bool)
        for between, begin in zip(self.between, places, strict=True):
            length = len(between.text)
            texts = numpy.ndarray(len(lines.content) - length + 1, f"S{length}", lines.content, strides=(1,))  # at every place
            has_form &= texts[numpy.clip(begin, 0, len(texts) - 1)] == between.text
        begins = [begin + len(between.text) for begin, between in zip(places[:-1], self.between, strict=False)]
        for begin, end in zip(begins, places[1:], strict=True):
            has_form &= begin <= end
        has_form &= places[-1] + len(self.between[-1].text) == lines.ends[chosen]
        if not has_form.all():
            begins, places = ([array[has_form] for array in arrays] for arrays in (begins, places))
        values = zip(self.are_texts, begins, places[1:], strict=True)
        return chosen[has_form], {name: Values(*value) for name, value in zip(self.names, values, strict=True)}

    def _find(self, between: Between, lines: RecordLines, chosen: numpy.ndarray, first_quotes: numpy.ndarray) -> numpy.ndarray:
        if between.quote == -1:
            return lines.starts[chosen]
        if between.quote == -2:
            return lines.ends[chosen] - between.distance
        return lines.quotes[first_quotes + between.quote] - between.distance


def find_forms(lines: RecordLines) -> Iterator[tuple[numpy.ndarray, dict[str, Values]]]:
    """The lines of one form after another, and where their values stand. No line twice; what has no form is left out."""
    import numpy

    first_quotes = numpy.searchsorted(lines.quotes, lines.starts)
    num_quotes = numpy.searchsorted(lines.quotes, lines.ends) - first_quotes
    is_left = lines.is_plain.copy()
    for _ in range(MAX_FORMS):
        left = numpy.flatnonzero(is_left)
        if not len(left):
            return
        model = left[len(left) // 2]  # the first ones of a file may be odd
        is_left[model] = False
        form = make_form(bytes(lines.content[lines.starts[model] : lines.ends[model]]))
        if form is not None:
            is_left[model] = True
            chosen = numpy.flatnonzero(is_left & (num_quotes == form.num_quotes))
            found, values = form.find_values(lines, chosen, first_quotes[chosen])
            is_left[found] = is_left[model] = False
            yield found, values


def make_form(line: bytes) -> Form | None:
    """The form of a line; None where it is not one flat object with each field once."""
    try:
        record = json.loads(line.decode(), object_pairs_hook=list, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    pairs = list(_split(line)) if isinstance(record, list) and line.startswith(b"{") else []
    names = tuple(found["name"].decode() for found in pairs)
    if not names or len(set(names)) < len(names) or list(names) != [pair[0] for pair in record]:
        return None
    between, text, quote, distance, num_quotes = [], b"{", -1, 0, 0
    for found in pairs:
        is_text = found["text"] is not None
        if quote == -3:  # after a value without quotes the next name's first quote is the nearest
            quote, distance = num_quotes, len(text) + found["before"].index(b'"')
        text += found["before"] + (b'"' if is_text else b"")
        between.append(Between(text, quote, distance))
        num_quotes += 4 if is_text else 2
        text = (b'"' if is_text else b"") + found["after"]
        quote, distance = (num_quotes - 1, 0) if is_text else (-3, 0)
    text += line[pairs[-1].end() :]
    between.append(Between(text, quote, distance) if quote >= 0 else Between(text, -2, len(text)))
    return Form(names, tuple(found["text"] is not None for found in pairs), tuple(between), num_quotes)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _split(line: bytes) -> Iterator[re.Match[bytes]]:
    """Every pair of a flat object; fewer of any other."""
    place = 1
    while found := _PAIR.match(line, place):
        yield found
        place = found.end()
