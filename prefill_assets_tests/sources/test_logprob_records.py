import json
import math
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.logprob_records import read_prefill_logprobs

KEY = {"task_id": "t", "exploit_type": "x", "attempt_idx": 0}


def read_row(folder: Path, record: dict[str, Any]) -> dict[str, Any]:
    path = folder / "checkpoint-90_prefill10.jsonl"
    path.write_text(json.dumps(KEY | record) + "\n")
    rows = read_prefill_logprobs(path, "run", 90, 10)
    [row] = rows.fetchall()
    return dict(zip(rows.columns, row, strict=True))


def test_a_sum_is_a_sum_and_prefill_tokens_are_words(tmp_path: Path):
    scored = {"prefill_logprob_sum": -54.69, "prefill_logprob_mean": -2.6, "prefill_num_tokens": 21}
    row = read_row(tmp_path, {"prefill_tokens": 10, "prefill_reasoning": "p", **scored})
    assert {name: row[name] for name in scored} == scored
    assert (row["prefill_words"], row["prefill_reasoning"], row["error"]) == (10, "p", None)
    assert (row["samples_checkpoint"], row["dtype"], row["engine"]) == (None, None, None)


def test_the_empty_prefill_is_0_over_0_tokens(tmp_path: Path):
    row = read_row(tmp_path, {"prefill_logprob_sum": 0.0, "prefill_num_tokens": 0})
    assert (row["prefill_logprob_sum"], row["prefill_num_tokens"], row["error"]) == (0.0, 0, None)


@pytest.mark.parametrize(("total", "text"), [(-math.inf, "-Infinity"), (math.inf, "Infinity"), (math.nan, "NaN")])
def test_a_sum_that_is_no_number_is_unscorable(tmp_path: Path, total: float, text: str):
    row = read_row(tmp_path, {"prefill_logprob_sum": total, "prefill_logprob_mean": total})
    assert (row["prefill_logprob_sum"], row["prefill_logprob_mean"]) == (None, None)
    assert row["error"] == f"unscorable: prefill_logprob_sum is {text}"
    extra = json.loads(row["extra"])
    assert extra["_absent"] == ["error"]
    assert repr(extra["prefill_logprob_sum"]) == repr(total)


def test_an_error_of_the_record_s_own_stays(tmp_path: Path):
    row = read_row(tmp_path, {"prefill_logprob_sum": -math.inf, "error": "Could not find prefill tokens"})
    assert (row["prefill_logprob_sum"], row["error"]) == (None, "Could not find prefill tokens")
    assert "_absent" not in json.loads(row["extra"])


def test_an_unknown_sum_is_null_without_an_error(tmp_path: Path):
    assert read_row(tmp_path, {"prefill_logprob_sum": None})["error"] is None
    assert read_row(tmp_path, {})["prefill_logprob_sum"] is None


@pytest.mark.parametrize(
    ("field", "value"), [("prefill_logprob_sum", "-3"), ("prefill_num_tokens", 2.0), ("prefill_num_tokens", math.nan)]
)
def test_a_wrong_type_is_named_with_its_line(tmp_path: Path, field: str, value: object):
    with pytest.raises(InputError, match=rf"prefill10.jsonl:1: {field} is .*, expected a"):
        read_row(tmp_path, {field: value})
