import json

import pytest

from prefill_assets.cli.main import main
from prefill_assets_tests.sources.test_problem_pack import GOOD

BAD = {**GOOD, "id": "add_one_002", "exploit": "def add_one(number):\n    return None\n"}


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_sound_problems_are_counted(tmp_path, capsys):
    (tmp_path / "own.json").write_text(json.dumps([GOOD]))
    assert main(["check-problems", "own.json"]) == 0
    assert capsys.readouterr().out == "1 sound, 0 refused, 0 not judged\n"


def test_refused_problems_are_named_with_their_line(tmp_path, capsys):
    (tmp_path / "own.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(BAD)}\n")
    assert main(["check-problems", "own.jsonl"]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {tmp_path / 'own.jsonl'}:2: problem 'add_one_002': the exploit ends as failed and not as")
    assert told.out == "1 sound, 1 refused, 0 not judged\n"


def test_a_record_that_is_no_problem_is_told_before_any_is_judged(tmp_path, capsys):
    (tmp_path / "own.jsonl").write_text(f"{json.dumps(BAD)}\n{json.dumps({**GOOD, 'tests': []})}\n")
    assert main(["check-problems", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"error: {tmp_path / 'own.jsonl'}:2: problem 'add_one_001': unknown field tests")
    assert told.out == ""


def test_what_the_verifier_cannot_judge_is_not_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("prefill_assets.verification.worker_process.START_SECONDS", 0.0)
    monkeypatch.setattr("prefill_assets.verification.embedded.choose_level", lambda *_: "plain")
    (tmp_path / "own.json").write_text(json.dumps(GOOD))
    assert main(["check-problems", "own.json"]) == 1
    told = capsys.readouterr()
    assert told.err.startswith(f"not judged: {tmp_path / 'own.json'}:1: problem 'add_one_001': could not be judged (")
    assert told.out == "0 sound, 0 refused, 1 not judged\n"
