"""Which field of a run's record is which column of our tables, and when a record is one of ours."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from prefill_assets.warehouse.table import CELL, find_table

POSITION = "_record"
"""Key in `extra`: the record's 1-based place in its file, so that it goes back out in order."""
ABSENT = "_absent"
"""Key in `extra`: fields whose column has a value that the record does not state."""
RESERVED = (POSITION, ABSENT)

UNSCORABLE = "unscorable: "
"""How the error text begins that import gives to a sum of -Infinity or NaN."""

KEY_FIELDS = ("task_id", "exploit_type", "attempt_idx")
OMITTED_WHEN_NULL = frozenset({"secure_pass", "insecure_pass", "exploit_success", "reward_gap", "error"})
"""Readers of the layout take these, where present, as known; a record of ours leaves them out where they are NULL."""
_FIELD_NAMES = {"prefill_words": "prefill_tokens"}
"""Columns that the layout calls something else: its `prefill_tokens` counts words."""


@dataclass(frozen=True)
class Field:
    """One field of a record, and the column it goes to."""

    name: str
    column: str
    type: str


@dataclass(frozen=True)
class RecordKind:
    """One kind of record: the table that its rows go to."""

    table_name: str
    marker: str
    """A field that only records of ours have."""
    joined: tuple[str, ...] = ()
    """Fields that a record of ours repeats from another table, for readers of the layout."""
    unscorable: str | None = None
    """A number that must be finite: where it is not, its row gets an error text."""

    @cached_property
    def fields(self) -> tuple[Field, ...]:
        columns = (c for c in find_table(self.table_name).columns if c.name not in (*CELL, "extra"))
        return tuple(Field(_FIELD_NAMES.get(c.name, c.name), c.name, c.type) for c in columns)

    @cached_property
    def required_names(self) -> frozenset[str]:
        """Fields that every record of ours states, NULL or not."""
        return frozenset(field.name for field in self.fields) - OMITTED_WHEN_NULL

    @cached_property
    def allowed_names(self) -> frozenset[str]:
        """Fields that a record of ours may state."""
        return frozenset(field.name for field in self.fields).union(self.joined)


RESULT_RECORDS = RecordKind(
    "eval_results",
    marker="verifier",
    joined=(
        "reasoning",
        "prefill_applied",
        "prefill_reasoning",
        "prefill_model_id",
        "prefill_attempt_idx",
        "prefill_source",
    ),
)
SAMPLE_RECORDS = RecordKind(
    "eval_samples",
    marker="rendered_prompt",
    joined=("is_exploitative", "exploit_success", "secure_pass", "insecure_pass", "reward_gap"),
)
LOGPROB_RECORDS = RecordKind("prefill_logprobs", marker="samples_checkpoint", unscorable="prefill_logprob_sum")
