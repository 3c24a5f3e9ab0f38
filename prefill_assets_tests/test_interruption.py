"""A signal is heard of, whatever becomes of what its handler raises."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from contextlib import suppress

import duckdb
import pytest

from prefill_assets.errors import InputError
from prefill_assets.interruption import ENDING, end_if_asked, is_interrupt, was_asked_to_end, watching


@pytest.fixture(autouse=True)
def handlers():
    usual = {number: signal.getsignal(number) for number in (*ENDING, signal.SIGUSR1)}
    for number in usual:
        signal.signal(number, raise_interrupt)
    yield
    for number, handler in usual.items():
        signal.signal(number, handler)


def raise_interrupt(*_: object) -> None:
    raise KeyboardInterrupt


class Ender:
    """Sends a signal when it is collected: Python drops what the handler raises then."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        signal.getsignal(signal.SIGTERM)  # handlers run between two instructions: here


class Broken:
    def __del__(self) -> None:
        raise ZeroDivisionError


def swallow(number: signal.Signals) -> None:
    with suppress(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.parametrize("number", ENDING, ids=lambda number: number.name)
def test_a_signal_that_somebody_swallowed_is_heard_of_and_stays_so(number):
    with watching():
        end_if_asked()
        swallow(number)
        assert was_asked_to_end()
        with pytest.raises(KeyboardInterrupt):
            end_if_asked()


def test_so_is_one_that_came_in_a_destructor_and_python_prints_nothing(capsys):
    with watching():
        ender = Ender()
        del ender
        gc.collect()
        assert was_asked_to_end()
    assert capsys.readouterr().err == ""


def test_what_else_fails_in_a_destructor_is_printed(monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", printed.append)
    with watching():
        swallow(signal.SIGTERM)
        broken = Broken()
        del broken
        gc.collect()
    assert [dropped.exc_type for dropped in printed] == [ZeroDivisionError]


def test_so_is_one_whose_handler_somebody_replaced():
    with watching():
        signal.signal(signal.SIGINT, lambda *_: None)
        signal.raise_signal(signal.SIGINT)
        assert was_asked_to_end()


def test_other_signals_and_other_times_do_not_count():
    swallow(signal.SIGTERM)
    with watching():
        swallow(signal.SIGUSR1)
        assert not was_asked_to_end()
    swallow(signal.SIGTERM)
    assert not was_asked_to_end()
    end_if_asked()


def test_a_watch_within_another_leaves_it_as_it_was():
    with watching():
        with watching():
            swallow(signal.SIGTERM)
        assert not was_asked_to_end()
        swallow(signal.SIGTERM)
        assert was_asked_to_end()
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_to_a_forked_process_is_not_ours():
    with watching():
        pid = os.fork()
        if pid == 0:
            swallow(signal.SIGTERM)
            os._exit(was_asked_to_end())
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert not was_asked_to_end()


def test_a_thread_may_ask():
    answers = []
    with watching():
        swallow(signal.SIGTERM)
        asker = threading.Thread(target=lambda: answers.append(was_asked_to_end()))
        asker.start()
        asker.join()
    assert answers == [True]


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
