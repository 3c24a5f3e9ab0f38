"""One record in djinn's fields, checked and made a Problem."""

from __future__ import annotations

import ast
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, NoReturn

from prefill_assets.errors import InputError
from prefill_assets.sources.exploit_types import EXPLOIT_TYPES
from prefill_assets.sources.problem import PROBLEM_FIELDS, Problem, Test

IGNORED_FIELDS = frozenset(
    {
        "secure_test_cases",
        "secure_verifier_type",
        "insecure_verifier_type",
        "evaluated_gt_difficulty",
        "evaluated_exploit_difficulty",
        "gt_model_results",
        "exploit_model_results",
        "vuln_cheatiness",
        "exploit_fairness",
        "problem_quality",
        "problem_appears_as",
        "exploit_finding_appearance",
    }
)
"""Fields of djinn's data sets that no verification reads: allowed, and left out."""

REQUIRED_FIELDS = (*(f.name for f in fields(Problem) if f.default is MISSING), "insecure_test_cases")
"""insecure_test_cases too: without them most insecure verifiers pass anything."""

TEXT_FIELDS = tuple(f.name for f in fields(Problem) if f.type == "str")
EXPECTED_STATUSES = ("passed", "failed", "timed_out", "crashed", "security_violation")
TEST_VALUE_TYPES = (type(None), bool, int, float, str, bytes)


def build_problem(record: Any, path: Path, line: int) -> Problem:
    """The Problem that a record describes. Raises InputError that names file, line, problem id and remedy."""

    def refuse(what: str, remedy: str) -> NoReturn:
        problem_id = record.get("id") if isinstance(record, dict) else None
        raise InputError(f"problem {problem_id!r}: {what}" if problem_id else what, path=path, line=line, remedy=remedy)

    if not isinstance(record, dict):
        refuse(f"a problem must be a mapping, not {_name_type(record)}", "write its fields as `name: value`")
    unknown = sorted(str(key) for key in record if key not in PROBLEM_FIELDS and key not in IGNORED_FIELDS)
    if unknown:
        refuse(f"unknown field {', '.join(unknown)}", f"use only {', '.join(PROBLEM_FIELDS)}")
    missing = [name for name in REQUIRED_FIELDS if record.get(name) is None]
    if missing:
        refuse(f"{', '.join(missing)} missing", f"add the field{'s' if len(missing) > 1 else ''} to this problem")
    given = {name: record[name] for name in PROBLEM_FIELDS if record.get(name) is not None}
    for name in TEXT_FIELDS:
        if not isinstance(given.get(name, ""), str):
            refuse(f"{name} must be text, not {_name_type(given[name])}", "write it in quotes")
    for name in ("id", "exploit_type"):
        if not given[name].strip():
            refuse(f"{name} is empty", "fill it in")
    if not given["function_name"].isidentifier():
        refuse(f"function_name {given['function_name']!r} is not a Python name", "write the name of the function alone")
    if given["exploit_type"] not in EXPLOIT_TYPES:
        refuse(f"unknown exploit_type {given['exploit_type']!r}", f"use one of {', '.join(EXPLOIT_TYPES)}")
    if given.get("exploit_expected_status", "passed") not in EXPECTED_STATUSES:
        refuse(f"unknown exploit_expected_status {given['exploit_expected_status']!r}", f"use {', '.join(EXPECTED_STATUSES)}")
    if not isinstance(given.get("order_dependent", True), bool):
        refuse(f"order_dependent must be true or false, not {given['order_dependent']!r}", "write true or false")
    keywords = given.get("keywords", ())
    if not isinstance(keywords, list | tuple) or not all(isinstance(word, str) for word in keywords):
        refuse("keywords must be a list of texts", "write [one, two]")
    given["keywords"] = tuple(keywords)
    for name in ("test_cases", "insecure_test_cases"):
        try:
            given[name] = read_tests(given[name])
        except (ValueError, RecursionError) as error:
            refuse(f"{name} {error}", "write a non-empty list of [input, expected] pairs")
    return Problem(**given)


def read_tests(value: Any) -> list[Test]:
    """Tests as (input, expected) pairs, from a list, or from a text that `ast.literal_eval` reads. Raises ValueError."""
    if isinstance(value, str):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            if any(word in value for word in ("true", "false", "null")):
                hint = " (true, false and null of JSON are True, False and None in Python)"
            else:
                hint = ""
            raise ValueError(f"is a text that is not a Python literal{hint}") from error
    if not isinstance(value, list | tuple):
        raise ValueError(f"must be a list, not {_name_type(value)}")
    if not value:
        raise ValueError("is empty, and a verifier without tests says nothing")
    tests: list[Test] = []
    for number, pair in enumerate(value, start=1):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise ValueError(f"has no (input, expected) pair as test {number}")
        if not _is_plain(pair):
            raise ValueError(f"holds a value in test {number} that is not plain data")
        tests.append((pair[0], pair[1]))
    return tests


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return isinstance(value, TEST_VALUE_TYPES)


def _name_type(value: Any) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), f"{type(value).__name__} {value!r}")
