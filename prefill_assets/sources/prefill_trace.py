"""The exploit reasoning that prefills are cut from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefill_assets.errors import InputError
from prefill_assets.prompts.reasoning import infer_reasoning, strip_think_tags
from prefill_assets.sources.jsonl import read_records


@dataclass(frozen=True)
class PrefillTrace:
    """The reasoning that is put into a model's mouth for one task, and where it came from."""

    task_id: str
    reasoning: str
    prefill_model_id: str | None
    attempt_idx: int | None
    exploit_success: bool | None
    insecure_pass: bool | None
    prefill_source: str
    source_line: int

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Better is larger: exploit success, then insecure pass, then the earliest attempt."""
        attempt = self.attempt_idx if self.attempt_idx is not None else float("inf")
        return self.exploit_success is True, self.insecure_pass is True, -attempt

    @property
    def is_successful(self) -> bool:
        """It exploited; or nobody said whether it did, and the insecure verifier accepted it."""
        return self.exploit_success is True or (self.exploit_success is None and self.insecure_pass is True)


def read_prefill_traces(path: Path, label: str | None = None) -> dict[str, PrefillTrace]:
    """The best successful trace of every task, by task id; of two alike, the first in the file.

    `label` is the source as the experiment names it. Raises InputError for a missing file, a bad record, or no trace at all.
    """
    if not path.is_file():
        raise InputError("no such prefill source", path=path, remedy="mend prefill_source in config.yaml")
    best: dict[str, PrefillTrace] = {}
    for line, record in read_records(path):
        trace = _read_trace(path, line, record, label or str(path))
        if trace is None or not trace.is_successful:
            continue
        if trace.task_id not in best or trace.rank > best[trace.task_id].rank:
            best[trace.task_id] = trace
    if not best:
        raise InputError(
            "holds no successful trace with reasoning", path=path, remedy="traces need exploit_success: true and a reasoning"
        )
    return best


def _read_trace(path: Path, line: int, record: dict[str, Any], label: str) -> PrefillTrace | None:
    task_id = record.get("task_id")
    if not isinstance(task_id, str) or not task_id:
        raise InputError("a trace without task_id", path=path, line=line, remedy="every record needs its problem's id as text")
    for name, kind in (
        ("reasoning", str),
        ("response", str),
        ("model_id", str),
        ("exploit_success", bool),
        ("insecure_pass", bool),
        ("attempt_idx", int),
    ):
        value = record.get(name)
        if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
            raise InputError(f"{name} is {value!r}", path=path, line=line, remedy=f"{name} must be {kind.__name__} or null")
    reasoning = strip_think_tags(record.get("reasoning") or "") or strip_think_tags(
        infer_reasoning(record.get("response") or "") or ""
    )
    if not reasoning:
        return None
    return PrefillTrace(
        task_id=task_id,
        reasoning=reasoning,
        prefill_model_id=record.get("model_id"),
        attempt_idx=record.get("attempt_idx"),
        exploit_success=record.get("exploit_success"),
        insecure_pass=record.get("insecure_pass"),
        prefill_source=label,
        source_line=line,
    )
