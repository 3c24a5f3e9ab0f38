from __future__ import annotations

from pathlib import Path

import pytest

from prefill_assets.errors import InputError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (InputError("is empty"), "is empty"),
        (InputError("is empty", remedy="write it again"), "is empty; write it again"),
        (InputError("is empty", path=Path("a/b.jsonl")), "a/b.jsonl: is empty"),
        (InputError("bad", path="b.jsonl", line=3, remedy="mend it"), "b.jsonl:3: bad; mend it"),
        (InputError("bad", line=3), "bad"),
        (InputError("two\nlines\n  of text", path="b.jsonl", remedy="mend\nit"), "b.jsonl: two lines of text; mend it"),
    ],
)
def test_the_text_is_one_line_of_place_problem_and_remedy(error, text):
    assert str(error) == text


def test_the_parts_can_be_asked_for():
    error = InputError("bad", path="b.jsonl", line=3, remedy="mend it")

    assert (error.problem, error.path, error.line, error.remedy) == ("bad", "b.jsonl", 3, "mend it")
