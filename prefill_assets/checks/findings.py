"""Checks and what they find: where a claim about an experiment's tables does not hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

Z_OF_999_PER_MILLE = 3.2905267314919255
"""Standard deviations on either side of the middle that hold 99.9 % of a normal distribution."""

CHECKED_TABLES = {
    "cells_are_complete": "eval_results",
    "few_rows_are_errors": "eval_results",
    "level_zero_rate_is_steady": "eval_results",
    "logprobs_are_finite": "prefill_logprobs",
    "token_counts_agree": "prefill_logprobs",
    "each_text_is_scored_once": "prefill_logprobs",
    "longer_prefills_are_less_likely": "prefill_logprobs",
    "min_prefill_is_known": "trajectory",
    "predictors_share_their_rows": "predictor_comparison",
    "keys_are_unique": "trajectory_analysis",
}
"""Every check, and the last table that has to be there for it."""

DEFAULTS: dict[str, Any] = {
    "num_tasks": None,
    "num_attempts": None,
    "max_samples": None,
    "error_limit": 0.05,
    "z": Z_OF_999_PER_MILLE,
    "tolerance_nats": 0.5,
    "tolerance_share": 0.01,
}
"""Parameters that a caller may leave out. `levels`, the sweep in words, has no default."""

_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class Finding:
    """One place where a claim does not hold; what does not apply to it is None."""

    check: str
    severity: str
    """`WARN` or `ERROR`."""
    finding: str
    checkpoint: int | None = None
    prefill_level: int | None = None
    task_id: str | None = None
    exploit_type: str | None = None


@dataclass(frozen=True)
class Check:
    """A claim, the statement that finds where it does not hold, and the parameters that the statement takes."""

    name: str
    table: str
    claim: str
    statement: str

    @property
    def parameters(self) -> frozenset[str]:
        return frozenset(_PARAMETER.findall(self.statement))


@cache
def find_check(name: str) -> Check:
    """A check by its name. Raises KeyError for a name that is none."""
    table = CHECKED_TABLES[name]
    text = (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
    claim, statement = text.split("\n", 1)
    return Check(name, table, claim.removeprefix("-- "), statement)


def list_findings(
    connection: duckdb.DuckDBPyConnection,
    check: str,
    experiment: str,
    checkpoint: int | None = None,
    prefill_level: int | None = None,
    **parameters: Any,
) -> list[Finding]:
    """Where a claim does not hold in an experiment, in one of its checkpoints or in one cell; none where it holds.

    The connection has the warehouse's tables and views (`create_views`). One call over a whole experiment is far cheaper than one
    for each of its cells: ask once, and tell the findings apart by checkpoint and level. Parameters replace `DEFAULTS`; one that
    the check does not take is passed over. `min_prefill_is_known` is not for an experiment under the reference rules, which make
    such claims by design. Raises KeyError for a check that is none, or for a parameter that is missing.
    """
    found = find_check(check)
    known = {**DEFAULTS, "experiment": experiment, "checkpoint": checkpoint, "prefill_level": prefill_level, **parameters}
    cursor = connection.execute(found.statement, {name: known[name] for name in found.parameters})
    columns = [column[0] for column in cursor.description or ()]
    return [Finding(check=check, **dict(zip(columns, row, strict=True))) for row in cursor.fetchall()]


CountTokens = Callable[[Sequence[Mapping[str, Any]]], Sequence[int]]
"""Samples, with `system`, `prompt` and `prefill_reasoning`, to the tokens that each one's prefill has in its prompt."""


def list_miscounted(connection: duckdb.DuckDBPyConnection, experiment: str, count_tokens: CountTokens) -> list[Finding]:
    """Scored prefills whose stored number of tokens is not what the tokenizer gives now: what `token_counts_agree` cannot see."""
    cursor = connection.execute(
        """
        SELECT system, prompt, l.prefill_reasoning, l.prefill_num_tokens, task_id, exploit_type, prefill_level,
            list(DISTINCT l.checkpoint ORDER BY l.checkpoint) AS checkpoints
        FROM prefill_logprobs AS l
        JOIN (
            SELECT DISTINCT ON (task_id, exploit_type, prefill_level)
                experiment, task_id, exploit_type, prefill_level, system, prompt
            FROM eval_samples WHERE experiment = $experiment ORDER BY checkpoint DESC
        ) AS s USING (experiment, task_id, exploit_type, prefill_level)
        WHERE l.prefill_num_tokens > 0 AND l.prefill_reasoning IS NOT NULL
        GROUP BY ALL
        ORDER BY ALL
        """,
        {"experiment": experiment},
    )
    columns = [column[0] for column in cursor.description or ()]
    scored = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    return [
        Finding(
            "token_counts_agree",
            "ERROR",
            f"{row['prefill_num_tokens']} tokens are stored, the tokenizer gives {expected}",
            *(checkpoint, row["prefill_level"], row["task_id"], row["exploit_type"]),
        )
        for row, expected in zip(scored, count_tokens(scored), strict=True)
        if expected != row["prefill_num_tokens"]
        for checkpoint in row["checkpoints"]
    ]
