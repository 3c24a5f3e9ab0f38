from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import duckdb
import pytest

from prefill_assets.errors import InputError, is_interrupt


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


def query_for_minutes() -> None:
    """With one thread: DuckDB 2.0.0 sometimes lets the tasks of the others run to their ends first."""
    duckdb.connect(config={"threads": 1}).execute("SELECT max(hash(a)) FROM range(100_000_000_000) r(a)").fetchall()


@pytest.mark.parametrize("wait", [query_for_minutes, signal.pause])
def test_an_interrupt_is_told_from_an_error_during_a_query_too(wait):
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises((KeyboardInterrupt, RuntimeError)) as caught:
            wait()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert is_interrupt(caught.value)


@pytest.mark.parametrize("error", [InputError("is empty"), RuntimeError("CUDA error"), OSError("Query interrupted")])
def test_an_error_is_no_interrupt(error):
    assert not is_interrupt(error)
