"""The analysis benchmark runs, its run is what it says, and both sides agree. Nothing here is timed."""

from __future__ import annotations

import json

import pytest

from benchmarks import __main__ as benchmark
from benchmarks import analysis, growth, startup
from benchmarks.analysis_sides import OurAnalysis, OurImport, PlainAnalysis, find_differences
from benchmarks.sides import Comparison, Side, Step
from benchmarks.synthetic_run import EXPERIMENT, RunSize, draw_cells, write_run, write_warehouse
from prefill_assets.warehouse.store import Warehouse

SIZE = RunSize(problems=25, checkpoints=6, levels=4)


def test_both_sides_agree_and_the_table_says_so(capsys):
    found = analysis.main(["--problems", "25", "--checkpoints", "6", "--levels", "4", "--rounds", "1"])

    printed = capsys.readouterr().out
    assert found["table_rows"] == 25 * 6
    assert f"agree in all cells of {found['table_rows']} rows" in printed
    for rule in analysis.RULES.values():
        assert f"| {rule} |" in printed


def test_a_difference_between_the_sides_is_found(tmp_path):
    write_run(SIZE, tmp_path / "results")
    write_warehouse(SIZE, tmp_path / "warehouse")
    sides = PlainAnalysis(tmp_path / "results"), OurAnalysis(tmp_path / "warehouse", SIZE, True)
    sides[0].load()
    answers = []
    for side in sides:
        side.trajectory()
        side.logprobs()
        answers.append({"thresholds": side.thresholds(), "predictors": side.predictors(), "table": side.table()})

    assert find_differences(*answers) == []
    answers[1]["table"].loc[3, "accessibility"] += 1e-6
    answers[1]["thresholds"]["both"] += 1
    found = find_differences(*answers)
    assert found[0] == f"accessibility differs in 1 of {len(answers[0]['table'])} rows"
    assert len(found) == 2


def test_files_and_warehouse_hold_the_same_rows(tmp_path):
    write_warehouse(SIZE, tmp_path / "written")
    write_run(SIZE, tmp_path / "results")
    num_rows = OurImport(tmp_path / "results", tmp_path / "imported").load()

    columns = {
        "eval_results": "checkpoint, prefill_level, task_id, exploit_type, attempt_idx, exploit_success, error",
        "prefill_logprobs": "checkpoint, prefill_level, task_id, exploit_type, attempt_idx, prefill_logprob_sum",
    }
    total = 0
    for table, names in columns.items():
        query = f"SELECT {names} FROM {table} WHERE experiment = '{EXPERIMENT}' ORDER BY ALL"
        written, imported = (Warehouse(tmp_path / name).connect().sql(query).fetchall() for name in ("written", "imported"))
        assert written == imported
        total += len(imported)
    assert total == num_rows


def test_the_made_up_run_is_deterministic_and_has_every_kind_of_cell(tmp_path):
    for name in ("one", "other"):
        write_run(SIZE, tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.jsonl"))
    assert len(files) == 6 * 4 + 6 * 3
    assert all((tmp_path / "one" / file).read_bytes() == (tmp_path / "other" / file).read_bytes() for file in files)
    records = [json.loads(line) for file in files for line in (tmp_path / "one" / file).read_text().splitlines()]
    assert {record.get("exploit_success") for record in records} == {True, False, None}
    assert any("error" in record for record in records)
    present = sum(int(cell.is_present.sum()) for cell in draw_cells(SIZE)) * SIZE.attempts
    assert present < 25 * 6 * 4 * 3, "some problems are missing in some cells"
    assert SIZE.swept_levels == (0, 10, 30, 100)
    assert RunSize().swept_levels == (0, 2, 5, 10, 15, 20, 30, 50, 70, 100)


class Counter:
    def __init__(self, start: int):
        self.value = start

    def count(self) -> int:
        self.value += 1
        return self.value

    def fail(self) -> None:
        raise ValueError("out of numbers")


def test_a_side_keeps_its_object_between_steps_and_says_why_it_failed():
    with Side(Counter, 40) as side:
        assert [side.run("count").answer for _ in range(2)] == [41, 42]
        with pytest.raises(RuntimeError, match="out of numbers"):
            side.run("fail")
        assert side.run("count").answer == 43


def test_ratios_are_taken_within_a_round():
    plain, ours = [Step(4.0, 4.0, 0, None), Step(9.0, 4.0, 0, None)], [Step(2.0, 1.0, 0, None), Step(3.0, 1.0, 0, None)]
    comparison = Comparison("", plain, ours)
    assert comparison.ratios == [2.0, 3.0]
    assert comparison.cpu_ratio == 4.0


def test_growth_is_told_for_both_sides_where_the_plain_one_runs(capsys):
    measured = growth.main(["--problems", "3", "6", "--plain-up-to", "3", "--checkpoints", "3", "--levels", "4", "--rounds", "1"])

    assert [len(taken["plain"]) for taken in measured] == [1, 0]
    assert measured[0]["rows"] < measured[1]["rows"]
    assert "| not run |" in capsys.readouterr().out


def test_starts_are_those_of_the_commands(capsys):
    taken = startup.main(["--rounds", "1", "--checkpoints", "2", "--levels", "4"])

    assert "usage: prefill" in taken["prefill --help"][0].answer
    assert "eval_results" in taken["prefill status"][0].answer
    assert EXPERIMENT in taken["prefill status"][0].answer
    assert all(step.cpu_seconds > 0 for steps in taken.values() for step in steps)
    assert "| load of the code location |" in capsys.readouterr().out


def test_a_section_that_is_not_there_is_refused(capsys):
    with pytest.raises(SystemExit):
        benchmark.main(["--size", "smoke", "--only", "starts"])
    assert "there is no section starts; there are import and analysis, growth" in capsys.readouterr().err


def test_the_page_is_written_where_it_says(tmp_path, capsys):
    arguments = ["--size", "smoke", "--only", "start-up", "scoring", "--output", str(tmp_path / "deep" / "page.md")]
    page = benchmark.main(arguments)

    text = page.read_text()
    assert f"written to {page}" in capsys.readouterr().out
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Start-up", "## Scoring"]
    assert "| prefill status |" in text
    assert "| 18 samples, 2 distinct prefills |" in text
