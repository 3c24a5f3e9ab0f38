import json

import pytest

from prefill_assets.verification.crew import WorkerError
from prefill_assets.verification.isolation import choose_level
from prefill_assets.verification.rehearsal import make_rehearsal
from prefill_assets.verification.worker_process import WorkerProcess

LEVEL = choose_level(allow_unsandboxed=True)
FLOOD = """
    import os
    while True:
        for descriptor in range(3, 64):
            try: os.write(descriptor, b'x' * 9999)
            except OSError: pass
"""


@pytest.fixture(params=sorted({LEVEL, "plain"}))
def worker(request):
    worker = WorkerProcess("insecure", 0, request.param)
    yield worker
    worker.close()


@pytest.mark.parametrize(
    ("body", "limits", "how"),
    [
        ("while True: pass", {"alarm_seconds": 60, "wall_seconds": 0.5}, "timeout"),
        ("import os; os.kill(os.getpid(), 9)", {}, "signal"),
        ("import os; os._exit(3)", {}, "exited"),
        (FLOOD, {"alarm_seconds": 60}, "flood"),
    ],
)
def test_what_a_job_sent_is_kept_however_it_ended(worker, body, limits, how):
    ending = worker.run({**make_rehearsal("insecure"), "code": f"def first(x):\n    {body}", **limits})
    assert ending.how == how
    records = [json.loads(line) for line in ending.payload.splitlines()]
    assert "loaded" in records[0]
    assert not any("test" in record for record in records)


def test_a_worker_runs_one_job_after_the_other_and_ends_with_its_input(worker):
    for number in range(3):
        assert b'"end"' in worker.run({**make_rehearsal("insecure"), "code": f"def first(x): return {number}"}).payload
    worker.close()
    assert worker._process.returncode == 0


def test_a_killed_worker_takes_no_job(worker):
    worker.kill()
    with pytest.raises(WorkerError, match="the worker ended"):
        worker.run(make_rehearsal("insecure"))
