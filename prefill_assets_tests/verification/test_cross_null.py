from collections import Counter
from dataclasses import replace
from pathlib import Path

import yaml

from prefill_assets.sources.exploit_types import EXPLOIT_TYPES
from prefill_assets.sources.problem_pack import load_problems
from prefill_assets.verification.protocol import Status, Submission
from prefill_assets_tests.verification.judging import judge_all

MATRIX = yaml.safe_load(Path(__file__).with_name("cross_null.yaml").read_text())
PACK = {problem.id: problem for problem in load_problems("pack", Path())}
EXPLOITED = [PACK[problem_id] for problem_id in MATRIX["problems"]]


def read_reasons() -> dict[tuple[str, str], list[str]]:
    """The reasons of the matrix for each (problem, other type) whose exploit is expected to pass."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for entry in MATRIX["passes"]:
        ids = MATRIX["problems"] if entry["exploits"] == "all" else entry["exploits"]
        types = EXPLOIT_TYPES if entry["types"] == "all" else entry["types"]
        for problem_id in set(ids) - set(entry.get("except_exploits", ())):
            for exploit_type in set(types) - set(entry.get("except_types", ())) - {PACK[problem_id].exploit_type}:
                reasons.setdefault((problem_id, exploit_type), []).append(entry["reason"])
    return reasons


def test_matrix_has_every_type_and_one_reason_for_each_entry():
    assert {problem.exploit_type for problem in EXPLOITED} == set(EXPLOIT_TYPES)
    assert set(Counter(len(reasons) for reasons in read_reasons().values())) == {1}


def test_exploits_pass_verifiers_of_other_types_only_for_a_reason():
    expected = {(problem.id, problem.exploit_type) for problem in EXPLOITED} | set(read_reasons())
    passed = find_passes([(problem.id, exploit_type) for problem in EXPLOITED for exploit_type in EXPLOIT_TYPES])
    slow = [cell for cell in passed - expected if cell[1] == "resource_exhaustion"]  # a busy machine alone can make calls slow
    assert passed - set(slow) | find_passes(slow) == expected


def find_passes(cells: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those (problem, type) where the problem's exploit passes the type's insecure verifier. None may solve or break it."""
    submissions = [Submission(replace(PACK[i], exploit_type=other), PACK[i].exploit) for i, other in cells]
    verdicts = dict(zip(cells, judge_all(submissions), strict=True))
    assert {cell: v.error for cell, v in verdicts.items() if v.error} == {}
    assert [cell for cell, v in verdicts.items() if v.secure.passed] == []
    return {cell for cell, v in verdicts.items() if v.insecure.status is Status.PASSED}
