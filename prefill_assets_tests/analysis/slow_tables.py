"""The default rules once more, in plain Python over lists of records: slow, obvious, and shares nothing with the SQL."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean
from typing import Any

from prefill_assets.analysis.rules import Rules

Record = dict[str, Any]


def describe_trajectory(verdicts: list[Record], levels: Iterable[int]) -> list[Record]:
    """Rows of `trajectory`, from records with checkpoint, prefill_level, task_id, exploit_type, exploit_success, error."""
    states = defaultdict(list)
    for record in verdicts:
        if record["prefill_level"] in levels:
            states[record["task_id"], record["exploit_type"], record["checkpoint"]].append(record)
    return [_describe_state(key, records, sorted(levels)) for key, records in sorted(states.items())]


def _describe_state(key: tuple, records: list[Record], levels: list[int]) -> Record:
    known = [r for r in records if r["error"] is None and r["exploit_success"] is not None]
    exploits = [r for r in known if r["exploit_success"]]
    tested = {r["prefill_level"] for r in known}
    untested = [level for level in levels if level not in tested]
    upper = min((r["prefill_level"] for r in exploits), default=None)
    candidates = [level for level in untested if upper is None or level < upper] + ([] if upper is None else [upper])
    return {
        "task_id": key[0],
        "exploit_type": key[1],
        "checkpoint": key[2],
        "exploitable": True if exploits else None if untested else False,
        "min_prefill": upper if len(candidates) == 1 and upper is not None else None,
        "min_prefill_lower": min(candidates, default=None),
        "min_prefill_upper": upper,
        "num_levels_tested": len(tested),
        "num_attempts": len(known),
        "num_exploits": len(exploits),
        "num_errors": len(records) - len(known),
    }


def describe_analysis(trajectory: list[Record], rules: Rules) -> list[Record]:
    """Rows of `trajectory_analysis`."""
    rows = [{**state, "at_threshold": _is_at_threshold(state, rules.threshold)} for state in trajectory]
    for row in rows:
        own = [r for r in rows if _problem(r) == _problem(row)]
        first = _first(own, "at_threshold")
        flags = [r["at_threshold"] for r in own]
        row["accessibility"] = _scale_accessibility(row, rules)
        row["steps_to_threshold"] = _count_steps(row, first, "at_threshold")
        row["ever_reaches_threshold"] = True if True in flags else None if None in flags else False
        row["first_threshold_checkpoint"] = first
        row["threshold"] = rules.threshold
        past = first is not None and row["checkpoint"] > first
        row["relapsed"] = False if not past else None if row["at_threshold"] is None else not row["at_threshold"]
    return rows


def _is_at_threshold(state: Record, threshold: int) -> bool | None:
    lower, upper = state["min_prefill_lower"], state["min_prefill_upper"]
    if upper is not None and upper <= threshold:
        return True
    if state["exploitable"] is False or (lower is not None and lower > threshold):
        return False
    return None


def _scale_accessibility(row: Record, rules: Rules) -> float | None:
    if row["at_threshold"]:
        return 1.0
    if row["exploitable"] is False:
        return 0.0
    if row["min_prefill"] is None:
        return None
    return 1 - (row["min_prefill"] - rules.threshold) / (max(rules.levels) - rules.threshold)


def describe_with_logprob(analysis: list[Record], scores: list[Record], rules: Rules) -> list[Record]:
    """Rows of `trajectory_with_logprob`, from records with checkpoint, prefill_level, ..., sum, mean and error."""
    known = defaultdict(lambda: ([], []))
    for record in scores:
        if record["error"] is None:
            sums, means = known[(*_problem(record), record["checkpoint"], record["prefill_level"])]
            sums += _finite(record["prefill_logprob_sum"])
            means += _finite(record["prefill_logprob_mean"])
    rows = []
    for state in analysis:
        key = (*_problem(state), state["checkpoint"])
        level, fixed = state["min_prefill"], rules.fixed_prefill_level
        total, mean = (known[(*key, level)] if level in rules.prefill_levels else ([], [])) if level != 0 else ([0.0], [])
        row = {**state, "min_prefill_logprob_sum": _average(total), "min_prefill_logprob_mean": _average(mean)}
        row["fixed_prefill_level"] = fixed
        row["fixed_level_logprob_sum"] = 0.0 if fixed == 0 else _average(known[(*key, fixed)][0])
        row["logprob_threshold"] = rules.logprob_threshold
        total = row["min_prefill_logprob_sum"]
        row["at_logprob_threshold"] = None if total is None else total >= rules.logprob_threshold
        rows.append(row)
    for row in rows:
        own = [r for r in rows if _problem(r) == _problem(row)]
        row["steps_to_logprob_threshold"] = _count_steps(row, _first(own, "at_logprob_threshold"), "at_logprob_threshold")
        sums = [r["min_prefill_logprob_sum"] for r in own if r["min_prefill_logprob_sum"] is not None]
        total = row["min_prefill_logprob_sum"]
        undefined = total is None or min(sums) == max(sums)
        row["accessibility_logprob"] = None if undefined else (total - min(sums)) / (max(sums) - min(sums))
    return rows


def describe_thresholds(rows: list[Record]) -> list[Record]:
    """Rows of `threshold_comparison`."""
    compared = []
    for problem in sorted({_problem(row) for row in rows}):
        own = [row for row in rows if _problem(row) == problem]
        token, logprob = _first(own, "at_threshold"), _first(own, "at_logprob_threshold")
        both = token is not None and logprob is not None
        compared.append(
            {
                "task_id": problem[0],
                "exploit_type": problem[1],
                "token_threshold_checkpoint": token,
                "logprob_threshold_checkpoint": logprob,
                "reached": {(True, True): "both", (True, False): "token_only", (False, True): "logprob_only"}.get(
                    (token is not None, logprob is not None), "neither"
                ),
                "first_reached": ("same" if token == logprob else "token" if token < logprob else "logprob") if both else None,
                "logprob_minus_token_steps": logprob - token if both else None,
            }
        )
    return compared


def _problem(row: Record) -> tuple[str, str]:
    return row["task_id"], row["exploit_type"]


def _first(rows: list[Record], flag: str) -> int | None:
    return min((row["checkpoint"] for row in rows if row[flag]), default=None)


def _count_steps(row: Record, first: int | None, flag: str) -> int | None:
    if first is not None and row["checkpoint"] < first:
        return first - row["checkpoint"]
    return 0 if row[flag] else None


def _finite(value: float | None) -> list[float]:
    return [value] if value is not None and math.isfinite(value) else []


def _average(values: list[float]) -> float | None:
    return (values[0] if len(set(values)) == 1 else fmean(values)) if values else None
