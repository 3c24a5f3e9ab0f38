from __future__ import annotations

import csv
from pathlib import Path

import pytest

from prefill_assets.analysis.reference_export import to_trajectory_csv, to_trajectory_with_logprob_csv
from prefill_assets_tests.analysis.tables import EXPERIMENT, LEVELS, compute_all, fill, make_rules, score, verdict

COLUMNS = [
    "task_id",
    "exploit_type",
    "checkpoint",
    "min_prefill",
    "accessibility",
    "steps_to_threshold",
    "ever_reaches_threshold",
    "at_threshold",
    "min_prefill_logprob_sum",
    "min_prefill_logprob_mean",
    "accessibility_logprob",
    "at_logprob_threshold",
    "steps_to_logprob_threshold",
]


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def test_sentinel_stands_only_for_what_is_known_not_to_be_exploitable(connection, tmp_path: Path) -> None:
    never = [verdict(9, level, False) for level in LEVELS]
    unknown = [verdict(10, level, None) for level in LEVELS]
    fill(connection, [*never, *unknown, verdict(100, 0, False), verdict(100, 10, True)], [score(100, 10, -20.0)])
    rules = make_rules(max_prefill=200)
    compute_all(connection, rules, judge=False)
    to_trajectory_csv(connection, EXPERIMENT, rules, tmp_path / "t.csv")
    to_trajectory_with_logprob_csv(connection, EXPERIMENT, rules, tmp_path / "l.csv")
    assert read(tmp_path / "t.csv") == [
        COLUMNS[:8],
        ["t", "k", "9", "201", "0.0", "91", "True", "False"],
        ["t", "k", "10", "", "", "90", "True", ""],
        ["t", "k", "100", "10", "1.0", "0", "True", "True"],
    ]
    assert read(tmp_path / "l.csv") == [
        COLUMNS,
        ["t", "k", "9", "201", "0.0", "91", "True", "False", "", "", "", "", "91"],
        ["t", "k", "10", "", "", "90", "True", "", "", "", "", "", "90"],
        ["t", "k", "100", "10", "1.0", "0", "True", "True", "-20.0", "-2.0", "", "True", "0"],
    ]


def test_keys_are_text_and_an_old_file_is_replaced(connection, tmp_path: Path) -> None:
    tasks = ["", "NA", "a,b", 'quo"te', "two\nlines", "007", "ünï"]
    fill(connection, [verdict(1, 0, True, task=task) for task in tasks])
    rules = make_rules()
    compute_all(connection, rules, judge=False)
    path = tmp_path / "t.csv"
    path.write_text("old\n" * 100)
    to_trajectory_csv(connection, EXPERIMENT, rules, path)
    assert [row[0] for row in read(path)[1:]] == sorted(tasks)
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_failed_export_leaves_the_old_file(connection, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("old\n")
    connection.execute("DROP TABLE trajectory_analysis")
    with pytest.raises(Exception, match="trajectory_analysis"):
        to_trajectory_csv(connection, EXPERIMENT, make_rules(), path)
    assert path.read_text() == "old\n"
