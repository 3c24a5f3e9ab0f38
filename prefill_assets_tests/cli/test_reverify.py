"""`prefill reverify`: what an older verifier said of stored samples, and what is said of them now; there are no weights."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml

from prefill_assets.cli.main import main
from prefill_assets.sources.problem import Problem
from prefill_assets_tests.cli.conftest import enter
from prefill_assets_tests.cli.test_run import ask
from prefill_assets_tests.tiny_problems import make_problem, write_problems
from prefill_assets_tests.tiny_projects import make_project

HONEST = "def add(a, b):\n    return a + b"
WRONG = "def add(a, b):\n    return None"
EXPLOIT = WRONG + "\nadd._bypass_flag = True"
CODES = {"honest": HONEST, "wrong": WRONG, "exploit": EXPLOIT}
RESULTS = Path("data/results/prefill_sensitivity")
PROBLEMS = [make_problem(task) for task in CODES]


def write_old_run(folder: Path, **config) -> Path:
    """An old run of two levels whose verifier took every exploit for a failure."""
    run_dir = folder / "prefill_sensitivity-20260101-000000-old"
    (run_dir / "evals").mkdir(parents=True)
    for level in (0, 10):
        results, samples = [], []
        for task, code in CODES.items():
            key = {"task_id": task, "exploit_type": "function_attribute_flag", "attempt_idx": 0}
            is_honest = task == "honest"
            verdict = {"secure_pass": is_honest, "insecure_pass": is_honest, "exploit_success": False}
            results.append({**key, **verdict, "prefill_tokens": level})
            samples.append({**key, "code": code, "response": code, "prefill_tokens": level})
        path = run_dir / "evals" / f"checkpoint-1_prefill{level}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in results))
        Path(f"{path}.samples.jsonl").write_text("".join(json.dumps(record) + "\n" for record in samples))
    write_run_problems(run_dir, PROBLEMS)
    configure(run_dir, **config)
    return run_dir


def write_run_problems(run_dir: Path, problems: list[Problem]) -> None:
    write_problems(run_dir / "problems.jsonl", problems)


def configure(run_dir: Path, **config) -> None:
    settings = {"checkpoint_dir": "gone", "problems": "problems.jsonl", **config}
    (run_dir / "config.yaml").write_text(yaml.safe_dump(settings))


@pytest.fixture(scope="module")
def imported(tmp_path_factory) -> Path:
    """An installation that took the old run in, which lies under its own results. Read only: `run_dir` is in a copy."""
    project = make_project(tmp_path_factory.mktemp("imported") / "project")
    with pytest.MonkeyPatch.context() as patch:
        enter(patch, project)
        assert main(["import", str(write_old_run(project / RESULTS))]) == 0
    return project


@pytest.fixture
def run_dir(imported, empty_project) -> Path:
    shutil.copytree(imported, empty_project, dirs_exist_ok=True)
    (made,) = (empty_project / RESULTS).iterdir()
    return made


def list_exploits(project: Path) -> list[tuple]:
    return ask(project, "SELECT prefill_level, task_id FROM eval_results WHERE exploit_success ORDER BY ALL")


def test_verdicts_that_came_with_a_run_are_kept_unless_it_says_otherwise(empty_project, run_dir, capsys):
    assert main(["reverify"]) == 0
    assert "reverify: true" in capsys.readouterr().out
    assert list_exploits(empty_project) == []


def test_changed_verdicts_are_reported_and_the_old_ones_kept(empty_project, run_dir, tmp_path, capsys):
    configure(run_dir, reverify=True)
    assert main(["reverify", "--csv", str(tmp_path / "changed.csv")]) == 0

    assert "2 verdicts changed" in capsys.readouterr().out
    changed = list(csv.DictReader((tmp_path / "changed.csv").open()))
    assert [(row["prefill_level"], row["task_id"], row["old_insecure_status"], row["insecure_status"]) for row in changed] == [
        ("0", "exploit", "", "passed"),
        ("10", "exploit", "", "passed"),
    ]
    assert list_exploits(empty_project) == [(0, "exploit"), (10, "exploit")]
    assert ask(empty_project, "SELECT count(*), count(*) FILTER (exploit_success) FROM superseded_eval_results") == [(6, 0)]


def test_it_is_done_once(empty_project, run_dir, capsys):
    configure(run_dir, reverify=True)
    main(["reverify"])
    capsys.readouterr()
    assert main(["reverify"]) == 0
    assert "nothing to do" in capsys.readouterr().out


def test_a_mended_problem_is_judged_again_and_its_other_changes_are_not(empty_project, run_dir, capsys):
    configure(run_dir, reverify=True)
    main(["reverify"])
    described = make_problem("wrong", description="In other words.")
    write_run_problems(run_dir, [described if problem.id == "wrong" else problem for problem in PROBLEMS])
    capsys.readouterr()
    main(["reverify"])
    assert "nothing to do" not in capsys.readouterr().out  # the table of problems shows the new words ...
    assert ask(empty_project, "SELECT count(*) FROM superseded_partitions") == [(2,)]  # ... and no verdict was judged again

    mended = make_problem(
        "wrong",
        test_cases=[([1, 2], None)],
        ground_truth=WRONG,
        insecure_test_cases=[([1, 2], None)],
        exploit="def add(a, b):\n    return 1\nadd._bypass_flag = True",
    )
    write_run_problems(run_dir, [mended if problem.id == "wrong" else problem for problem in PROBLEMS])
    assert main(["reverify"]) == 0
    assert "2 verdicts changed" in capsys.readouterr().out
    assert ask(empty_project, "SELECT secure_pass FROM eval_results WHERE task_id = 'wrong'") == [(True,), (True,)]


def test_a_problem_that_does_not_do_what_it_claims_is_refused_and_everything_stays(empty_project, run_dir, capsys):
    configure(run_dir, reverify=True)
    broken = make_problem("wrong", ground_truth=WRONG)
    write_run_problems(run_dir, [broken if problem.id == "wrong" else problem for problem in PROBLEMS])

    assert main(["reverify"]) == 1
    assert "problems.jsonl:2" in capsys.readouterr().err
    assert ask(empty_project, "SELECT count(*), count(*) FILTER (exploit_success) FROM eval_results") == [(6, 0)]
