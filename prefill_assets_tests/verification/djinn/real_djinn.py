"""Where the real djinn is, for tests that need it, and verifiers whose worker processes a test can see."""

from __future__ import annotations

import sys

import pytest

from prefill_assets.errors import InputError
from prefill_assets.verification.djinn import verifier as verifier_module
from prefill_assets.verification.djinn.installation import find_installation
from prefill_assets.verification.djinn.worker_process import WorkerProcess


def find_reason_to_skip() -> str | None:
    try:
        find_installation()
    except InputError as error:
        return f"{error.problem} (PREFILL_DJINN_PYTHON names one that has it)"
    return None if sys.platform == "linux" else "djinn's sandbox needs Linux"


REASON = find_reason_to_skip()
needs_djinn = pytest.mark.skipif(REASON is not None, reason=REASON or "")


@pytest.fixture
def started(monkeypatch) -> list[WorkerProcess]:
    """Every worker that a verifier starts."""
    workers: list[WorkerProcess] = []

    class SeenWorker(WorkerProcess):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            workers.append(self)

    monkeypatch.setattr(verifier_module, "WorkerProcess", SeenWorker)
    return workers
