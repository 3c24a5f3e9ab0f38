"""What a submission's process saw, as it sent it. A submission may have written these bytes itself: nothing is taken on trust."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from prefill_assets.verification.child.plain_values import decode_value
from prefill_assets.verification.worker_process import JobEnding

ENDINGS = {"timeout": "the process was killed at its time limit", "flood": "too much was sent back"}
ENCODED_NOTICES = {"input_after", "wanted"}
NO_OUTPUT = object()


@dataclass(frozen=True)
class SeenTest:
    """One call. `why_not` tells why there is no output; `raised` whether that was an exception of the submission's."""

    output: Any
    why_not: str | None
    raised: bool
    noticed: dict[str, Any]


@dataclass
class Observations:
    """What came before the process ended. `loaded` and `load_error` exclude each other; `end` is None where it broke off."""

    loaded: dict[str, Any] | None = None
    load_error: str | None = None
    broke: str | None = None
    tests: list[SeenTest] = field(default_factory=list)
    end: dict[str, Any] | None = None
    ending: str = ""
    seconds: float = 0.0


def read_observations(ending: JobEnding) -> Observations:
    """The records up to the first that does not follow the order in which they are sent; what comes after it is not read."""
    seen = Observations(ending=ENDINGS.get(ending.how, ending.detail), seconds=ending.seconds)
    try:
        for line in ending.payload.splitlines():
            _add_record(seen, json.loads(line))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        seen.end = None
        seen.ending = "the records are not readable"
    return seen


def _add_record(seen: Observations, record: dict[str, Any]) -> None:
    is_first = seen.loaded is None
    if seen.end is not None or seen.load_error is not None or seen.broke is not None:
        raise ValueError("a record after the last one")
    if "broke" in record:
        seen.broke = str(record["broke"])
    elif is_first and "load_error" in record:
        seen.load_error = str(record["load_error"])
    elif is_first:
        seen.loaded = dict(record["loaded"])
    elif "end" in record:
        seen.end = dict(record["end"])
    elif record["test"] == len(seen.tests):
        seen.tests.append(_read_test(record))
    else:
        raise ValueError("a record out of order")


def _read_test(record: dict[str, Any]) -> SeenTest:
    for name in ENCODED_NOTICES & record.keys():
        record[name] = decode_value(record[name])
    if "raised" in record:
        return SeenTest(NO_OUTPUT, str(record["raised"]), True, record)
    if "output" in record:
        return SeenTest(decode_value(record["output"]), None, False, record)
    why_not = "the result is too large" if "too_large" in record else str(record["uncallable"])
    return SeenTest(NO_OUTPUT, why_not, False, record)
