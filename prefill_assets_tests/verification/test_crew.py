import os
import subprocess
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from prefill_assets.verification.crew import WAITING_PER_WORKER, Crew, WorkerError, count_cores, take_in_order


class Clerk:
    """A worker that remembers who started it, and what was done to it."""

    def __init__(self, kind, number):
        self.kind, self.number, self.thread = kind, number, threading.get_ident()
        self.is_killed = self.is_closed = False

    def kill(self):
        self.is_killed = True

    def close(self):
        self.is_closed = True


@pytest.fixture
def started():
    return []


@pytest.fixture
def crew(started):
    def start(kind, number):
        started.append(Clerk(kind, number))
        return started[-1]

    return Crew(start)


def break_down(worker):
    raise WorkerError(f"clerk {worker.number} broke")


def test_a_thread_keeps_one_worker_of_each_kind_and_shares_it_with_no_other_thread(crew, started):
    meeting = threading.Barrier(2)

    def work():
        first = crew.get_worker("secure")
        meeting.wait(10)
        return first, crew.get_worker("secure"), crew.get_worker("insecure"), threading.get_ident()

    with crew.open_threads(2) as threads:
        shifts = [future.result() for future in [threads.submit(work) for _ in range(2)]]
    for first, again, other, thread in shifts:
        assert first is again
        assert (first.kind, other.kind) == ("secure", "insecure")
        assert first.thread == other.thread == thread
    assert len(started) == 4
    assert {clerk.number for clerk in started} == {1, 2, 3, 4}


def test_a_dropped_worker_is_closed_and_another_started(crew, started):
    first = crew.get_worker("secure")
    other = crew.get_worker("insecure")
    crew.drop_worker("secure")
    assert (first.is_closed, other.is_closed) == (True, False)
    assert crew.get_worker("secure") is started[2]
    crew.drop_worker("never started")
    crew.dismiss()
    assert [clerk.is_killed for clerk in started] == [False, True, True]


def test_work_over_which_a_worker_breaks_goes_to_a_fresh_one(crew, started):
    def break_the_first(worker):
        return break_down(worker) if worker.number == 1 else worker.number

    assert crew.ask("secure", break_the_first) == 2
    assert [clerk.is_closed for clerk in started] == [True, False]


def test_work_over_which_two_workers_break_is_given_up_and_the_next_work_is_done(crew, started):
    with pytest.raises(WorkerError, match="clerk 2 broke"):
        crew.ask("secure", break_down)
    assert crew.ask("secure", lambda worker: worker.number) == 3
    assert [clerk.is_closed for clerk in started] == [True, True, False]


def test_a_mistake_of_our_own_is_not_tried_again_but_its_worker_is_dropped(crew, started):
    with pytest.raises(ZeroDivisionError):
        crew.ask("secure", lambda _: 1 // 0)
    assert [clerk.is_closed for clerk in started] == [True]


def test_a_worker_that_cannot_start_is_asked_for_twice():
    attempts = []

    def refuse(kind, number):
        attempts.append(number)
        raise WorkerError("no clerk to be had")

    with pytest.raises(WorkerError, match="no clerk to be had"):
        Crew(refuse).ask("secure", lambda worker: worker)
    assert attempts == [1, 2]


def test_a_dismissed_crew_starts_no_worker(crew, started):
    crew.get_worker("secure")
    crew.dismiss()
    assert started[0].is_killed
    with pytest.raises(WorkerError, match="the verification was stopped"):
        crew.ask("insecure", lambda worker: worker)
    assert len(started) == 1


def test_a_worker_that_was_starting_when_its_crew_was_dismissed_is_killed():
    is_starting, is_dismissed = threading.Event(), threading.Event()

    def start(kind, number):
        is_starting.set()
        assert is_dismissed.wait(10)
        return Clerk(kind, number)

    crew = Crew(start)
    with ThreadPoolExecutor(1) as threads:
        future = threads.submit(crew.get_worker, "secure")
        assert is_starting.wait(10)
        crew.dismiss()
        is_dismissed.set()
        clerk = future.result(10)
    assert clerk.is_killed
    crew.close()
    assert clerk.is_closed


def test_workers_are_closed_not_killed_when_all_work_is_done(crew, started):
    with crew.open_threads(1) as threads:
        threads.submit(crew.get_worker, "secure").result()
    assert [(clerk.is_closed, clerk.is_killed) for clerk in started] == [(True, False)]


def test_an_error_kills_workers_and_cancels_what_has_not_begun():
    is_begun, is_killed = threading.Event(), threading.Event()
    dozing = []

    class Dozing(Clerk):
        def kill(self):
            super().kill()
            is_killed.set()

    def doze(worker):
        is_begun.set()
        assert is_killed.wait(10)
        return worker

    def leave_early():
        crew = Crew(Dozing)
        with crew.open_threads(1) as threads:
            dozing.extend(threads.submit(crew.ask, "secure", doze) for _ in range(2))
            assert is_begun.wait(10)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        leave_early()
    assert dozing[0].result().is_closed
    assert dozing[1].cancelled()


class Unready(Future):
    """A future that nobody works on: who waits for it gets an error instead of hanging."""

    def result(self, timeout=None):
        return super().result(timeout=0)


def make_futures(count, asked):
    """Futures whose results are not there; `asked` holds those that were taken."""
    for _ in range(count):
        asked.append(Unready())
        yield asked[-1]


def test_results_come_in_the_order_asked_for_whichever_is_ready_first():
    futures = [Future() for _ in range(3)]
    with ThreadPoolExecutor(1) as threads:
        results = threads.submit(lambda: list(take_in_order(futures, workers=1)))
        for number in (2, 1, 0):
            futures[number].set_result(number)
        assert results.result(10) == [0, 1, 2]


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_futures_are_taken_ahead_than_keep_the_workers_busy(workers):
    asked = []
    with pytest.raises(TimeoutError):
        next(take_in_order(make_futures(1000, asked), workers))
    assert len(asked) == workers * WAITING_PER_WORKER + 1


def test_what_is_ready_is_given_before_more_is_taken():
    asked = []

    def make_ready():
        for number, future in enumerate(make_futures(10, asked), start=1):
            future.set_result(number)
            yield future

    assert [(result, len(asked)) for result in take_in_order(make_ready(), workers=4)] == [(n, n) for n in range(1, 11)]


def test_an_error_of_the_work_is_raised_in_its_place():
    good, bad = Future(), Future()
    good.set_result("good")
    bad.set_exception(ValueError("bad"))
    results = take_in_order([good, bad], workers=1)
    assert next(results) == "good"
    with pytest.raises(ValueError, match="bad"):
        next(results)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no system call for the cores of a process here")
def test_only_the_cores_that_we_may_use_are_counted():
    assert count_cores() == len(os.sched_getaffinity(0))
    core = min(os.sched_getaffinity(0))
    script = f"""
import os
from prefill_assets.verification.crew import count_cores
os.sched_setaffinity(0, {{{core}}})
print(count_cores())
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"
