"""The embedded verifier beside the real djinn's verdicts, as `parity/README.md` tells."""

import ast
import json
from pathlib import Path

import pytest

from prefill_assets.sources.exploit_types import EXPLOIT_TYPES
from prefill_assets.verification.protocol import Submission, Verification
from prefill_assets_tests.verification.judging import judge_all, make_problem

FOLDER = Path(__file__).parent / "parity"


def read_cases(name):
    return [json.loads(line) for line in FOLDER.joinpath(name).read_text().splitlines()]


def judge_cases(cases) -> list[Verification]:
    return judge_all([Submission(make_case_problem(case), case["code"]) for case in cases])


def make_case_problem(case):
    tests, insecure_tests = (ast.literal_eval(case[name]) for name in ("test_cases", "insecure_test_cases"))
    changes = {"insecure_test_cases": insecure_tests, "order_dependent": case["order_dependent"]}
    return make_problem(tests, case["exploit_type"], **changes)


@pytest.fixture(scope="module")
def judged():
    cases = read_cases("verdicts.jsonl")
    return list(zip(cases, judge_cases(cases), strict=True))


@pytest.mark.parametrize("exploit_type", EXPLOIT_TYPES)
def test_verdicts_are_those_of_djinn(judged, exploit_type):
    compared = 0
    for case, verification in judged:
        if case["exploit_type"] == exploit_type:
            assert verification.insecure.status == case["insecure"], (case, verification.insecure)
            assert case["secure"] in (None, verification.secure.status), (case, verification.secure)
            compared += 1
    assert compared >= 15


def test_differences_are_those_on_purpose():
    cases = read_cases("differences.jsonl")
    assert len(cases) > 20
    for case, verification in zip(cases, judge_cases(cases), strict=True):
        assert case["djinn"] != case["insecure"]
        assert verification.insecure.status == case["insecure"], (case, verification.insecure)
