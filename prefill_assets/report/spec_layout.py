"""An experiment's tables as files, in the layout and under the names of the original scripts."""

from __future__ import annotations

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from prefill_assets import __version__
from prefill_assets.errors import InputError
from prefill_assets.report.spec_records import Repeated, list_cells, write_cell
from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS, SAMPLE_RECORDS

if TYPE_CHECKING:
    import duckdb

    from prefill_assets.analysis.rules import Rules

MARKER = "export.json"
"""Lies at the top of a folder that an export wrote: only such a folder is replaced."""
_TIMESTAMP = re.compile(r"[0-9]{8}-[0-9]{6}")
_COMPARISONS = {
    "predictor_comparison": "exploit_scope, predictor",
    "threshold_comparison": "task_id, exploit_type",
}


def export_experiment(
    connection: duckdb.DuckDBPyConnection,
    experiment: str,
    config_text: str,
    out_dir: Path | str,
    rules: Rules,
    *,
    report: Path | None = None,
    force: bool = False,
) -> Path:
    """Write `out_dir/results/...` from a connection on which every table is a relation, and return out_dir.

    Plots are those of the experiment's report, where that folder is named and has some.

    Imported rows become the records that they were; rows of our own carry the layout's field names, and the columns that it
    does not know under their own. The folder appears whole or not at all. An earlier export of the same experiment is replaced;
    with `force` any folder is, and what was not an export is kept beside it, under a name with its date.
    Raises InputError for an experiment without rows, and for a folder that is in the way.
    """
    out_dir = Path(out_dir).absolute()
    if not any(list_cells(connection, kind.table_name, experiment) for kind in (RESULT_RECORDS, SAMPLE_RECORDS, LOGPROB_RECORDS)):
        raise InputError(f"experiment {experiment} has nothing to export", remedy="run or import it first")
    is_ours = _check_folder(out_dir, experiment, force=force)
    out_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = out_dir.with_name(f".{out_dir.name}.{uuid.uuid4().hex[:8]}.draft")
    try:
        draft.mkdir()
        _Export(connection, experiment, config_text, draft / "results", rules, report).write()
        _write_json(draft / MARKER, {"experiment": experiment, "exported_at": _now(), "prefill_assets": __version__})
        _put_in_place(draft, out_dir, is_ours=is_ours)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return out_dir


def _check_folder(out_dir: Path, experiment: str, *, force: bool) -> bool:
    """Whether what lies there is an export of this experiment. Raises InputError where it is something to keep."""
    if not out_dir.exists() and not out_dir.is_symlink():
        return False
    exported = _read_marker(out_dir)
    if exported == experiment or (out_dir.is_dir() and not any(out_dir.iterdir())):
        return True
    if not force:
        what = "no folder of an export" if exported is None else f"an export of {exported}"
        raise InputError(f"it is {what}", path=out_dir, remedy="name another folder, or move it aside with --force")
    return False


def _read_marker(out_dir: Path) -> str | None:
    try:
        return str(json.loads((out_dir / MARKER).read_text(encoding="utf-8"))["experiment"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _put_in_place(draft: Path, out_dir: Path, *, is_ours: bool) -> None:
    if not out_dir.exists() and not out_dir.is_symlink():
        draft.rename(out_dir)
        return
    aside = out_dir.with_name(f"{out_dir.name}.before-{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}")
    out_dir.rename(aside)
    try:
        draft.rename(out_dir)
    except OSError:
        aside.rename(out_dir)
        raise
    if is_ours:
        shutil.rmtree(aside, ignore_errors=True)


@dataclass(frozen=True)
class _Export:
    connection: duckdb.DuckDBPyConnection
    experiment: str
    config_text: str
    results: Path
    rules: Rules
    report: Path | None

    def write(self) -> None:
        self._write_run()
        self._write_logprobs()
        self._write_analyses()

    def _write_run(self) -> None:
        run = self.results / "prefill_sensitivity" / self.experiment
        (run / "evals").mkdir(parents=True)
        (run / "config.yaml").write_text(self.config_text, encoding="utf-8", newline="")
        from_sample = Repeated("eval_samples", RESULT_RECORDS.joined)
        verdicts = tuple(name for name in SAMPLE_RECORDS.joined if name != "is_exploitative")
        asks_for_exploits = self._read_config().get("exploit_prompts", True)
        from_verdict = Repeated("eval_results", verdicts, {"is_exploitative": asks_for_exploits})
        for kind, suffix, repeated in (
            (RESULT_RECORDS, ".jsonl", from_sample),
            (SAMPLE_RECORDS, ".jsonl.samples.jsonl", from_verdict),
        ):
            for checkpoint, level in list_cells(self.connection, kind.table_name, self.experiment):
                path = run / "evals" / f"checkpoint-{checkpoint}_prefill{level}{suffix}"
                write_cell(self.connection, kind, (self.experiment, checkpoint, level), path, repeated)

    def _write_logprobs(self) -> None:
        cells = list_cells(self.connection, LOGPROB_RECORDS.table_name, self.experiment)
        stamp = _TIMESTAMP.search(self.experiment)
        name = stamp[0] if stamp else self.experiment
        for level in sorted({level for _, level in cells}):
            folder = self.results / "logprob_analysis" / f"logprob-{name}-prefill{level}"
            folder.mkdir(parents=True)
            checkpoints = [checkpoint for checkpoint, its_level in cells if its_level == level]
            log = [self._write_logprob_file(folder, checkpoint, level) for checkpoint in checkpoints]
            _write_json(folder / "processing_log.json", log)
            _write_json(folder / "run_info.json", self._describe_logprobs(checkpoints, level))

    def _write_logprob_file(self, folder: Path, checkpoint: int, level: int) -> dict[str, Any]:
        path = folder / f"checkpoint-{checkpoint}_prefill{level}.jsonl"
        key = (self.experiment, checkpoint, level)
        write_cell(self.connection, LOGPROB_RECORDS, key, path)
        counts = """SELECT count(*), count(error) FROM prefill_logprobs
                    WHERE experiment = ? AND checkpoint = ? AND prefill_level = ?"""
        [(num_records, num_errors)] = self.connection.execute(counts, list(key)).fetchall()
        return {
            "checkpoint": checkpoint,
            "prefill": level,
            "status": "success" if num_errors < num_records else "failed",
            "output": str(PurePosixPath("results", *path.relative_to(self.results).parts)),
            "num_records": num_records,
            "num_errors": num_errors,
        }

    def _describe_logprobs(self, checkpoints: list[int], level: int) -> dict[str, Any]:
        checkpoint_dir = self._read_config().get("checkpoint_dir")
        sft_run = PurePosixPath(str(checkpoint_dir)) if checkpoint_dir else None
        return {
            "timestamp": _now(),
            "prefill_run_dir": f"results/prefill_sensitivity/{self.experiment}",
            "sft_run_dir": None if sft_run is None else str(sft_run.parent if sft_run.name == "checkpoints" else sft_run),
            "checkpoints": checkpoints,
            "prefill_levels": [level],
            "exported_by": f"prefill-assets {__version__}",
        }

    def _write_analyses(self) -> None:
        from prefill_assets.analysis.reference_export import to_trajectory_csv, to_trajectory_with_logprob_csv
        from prefill_assets.report.publication import copy_charts

        token_based = self.results / "trajectory_analysis"
        integrated = self.results / "trajectory_analysis_with_logprob_complete"
        token_based.mkdir()
        integrated.mkdir()
        to_trajectory_csv(self.connection, self.experiment, self.rules, token_based / "trajectory_analysis.csv")
        to_trajectory_with_logprob_csv(self.connection, self.experiment, self.rules, integrated / "trajectory_with_logprob.csv")
        if self.report is not None:
            copy_charts(self.report, ["trajectory_analysis"], token_based)
            copy_charts(self.report, _COMPARISONS, integrated)
        for table, order in _COMPARISONS.items():
            query = f"SELECT * FROM {table} WHERE experiment = $experiment ORDER BY {order}"
            rows = self.connection.sql(query, params={"experiment": self.experiment})
            rows.write_csv(str(integrated / f"{table}.csv"), header=True)

    def _read_config(self) -> dict[str, Any]:
        import yaml

        config = yaml.safe_load(self.config_text)
        return config if isinstance(config, dict) else {}


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
