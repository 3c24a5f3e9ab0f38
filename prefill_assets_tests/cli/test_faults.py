"""Bad input: one line that names file, line and remedy; what was there before stays."""

import json
import shutil

import pytest

from prefill_assets.cli.main import main
from prefill_assets_tests.cli.test_run import ask, run_dir, written_at
from prefill_assets_tests.tiny_problems import make_trace, write_traces
from prefill_assets_tests.tiny_projects import NUM_SAMPLES, write_config


def fail(capsys, *arguments: str) -> str:
    """Run a command that must fail; its one line of complaint."""
    capsys.readouterr()
    assert main(list(arguments)) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def break_sweep(run):
    write_config(run, prefill_tokens_sweep="")


def break_level(run):
    write_config(run, prefill_tokens_sweep="0,ten")


def break_checkpoint_dir(run):
    write_config(run, checkpoint_dir="nowhere")


def lose_weights(run):
    (run / "checkpoints" / "checkpoint-10" / "model.safetensors").unlink()


def pickle_weights(run):
    weights = run / "checkpoints" / "checkpoint-10" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


def cut_weights(run):
    weights = run / "checkpoints" / "checkpoint-10" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])


def lose_template(run):
    for step in (1, 10):
        folder = run / "checkpoints" / f"checkpoint-{step}"
        (folder / "chat_template.jinja").unlink(missing_ok=True)
        config = json.loads((folder / "tokenizer_config.json").read_text())
        config.pop("chat_template", None)
        (folder / "tokenizer_config.json").write_text(json.dumps(config))


def cut_trace(run):
    with (run / "traces.jsonl").open("a") as file:
        file.write('{"task_id": "add_one", "reaso')


def lose_task_id(run):
    trace = make_trace("add_one")
    del trace["task_id"]
    write_traces(run / "traces.jsonl", [make_trace("add_two"), trace])


def empty_traces(run):
    (run / "traces.jsonl").write_text("")


def lose_traces(run):
    (run / "traces.jsonl").unlink()


def match_nothing(run):
    write_traces(run / "traces.jsonl", [make_trace("elsewhere")])


def name_an_unknown_problem(run):
    write_traces(run / "traces.jsonl", [make_trace("add_one"), make_trace("elsewhere")])


def mistype_success(run):
    write_traces(run / "traces.jsonl", [make_trace("add_one", exploit_success="yes")])


def lose_tests(run):
    lines = [json.loads(line) for line in (run / "problems.jsonl").read_text().splitlines()]
    lines[1]["test_cases"] = []
    (run / "problems.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


FAULTS = {
    break_sweep: ("config.yaml:", "prefill_tokens_sweep"),
    break_level: ("config.yaml:", "ten"),
    break_checkpoint_dir: ("nowhere", "checkpoint_dir"),
    cut_trace: ("traces.jsonl:4:", "JSON"),
    lose_task_id: ("traces.jsonl:2:", "task_id"),
    empty_traces: ("traces.jsonl", "empty"),
    lose_traces: ("traces.jsonl", "no such"),
    match_nothing: ("traces.jsonl", "none of its 1 tasks"),
    name_an_unknown_problem: ("traces.jsonl:2:", "elsewhere"),
    mistype_success: ("traces.jsonl:1:", "exploit_success"),
    lose_tests: ("problems.jsonl:2", "test"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_bad_input_is_one_line_and_changes_nothing(project, capsys, fault):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    fault(run_dir(project))
    complaint = fail(capsys, "run")
    for expected in FAULTS[fault]:
        assert expected in complaint
    assert written_at(project) == before
    assert ask(project, "SELECT count(*) FROM eval_results") == [(NUM_SAMPLES,)]


@pytest.mark.parametrize("lose", [lose_weights, pickle_weights, cut_weights], ids=lambda lose: lose.__name__)
def test_weights_that_cannot_be_read_keep_their_results_and_no_command_from_working(project, capsys, lose):
    lose(run_dir(project))

    assert main(["status"]) == 0
    capsys.readouterr()
    assert main(["run", "--dry-run"]) == 0
    assert "would compute 0 of" in capsys.readouterr().out
    assert main(["run", "--dry-run", "--threshold", "8"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1:] for line in lines if line.startswith(("eval_samples", "prefill_logprobs"))] == [["6", "fresh"]] * 2


def test_a_tokenizer_without_a_template_fails_its_run_and_keeps_the_partitions(project, capsys):
    main(["sql", "SELECT 1"])
    before = written_at(project)
    lose_template(run_dir(project))
    assert main(["run", "--skip-logprob"]) == 1
    complaints = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert any("no chat template" in line and "remedy" not in line and "chat_template.jinja" in line for line in complaints)
    after = written_at(project)
    assert {key: at for key, at in after.items() if key[0] == "eval_samples"} == {
        key: at for key, at in before.items() if key[0] == "eval_samples"
    }
    record = sorted((project / "data/results/full_analysis").iterdir())[-1]
    assert json.loads((record / "status.json").read_text())["status"] == "failed"


def test_a_missing_run_folder(empty_project, capsys):
    assert "no such run folder" in fail(capsys, "run", "--sensitivity-run", str(empty_project / "nowhere"))


def test_no_experiment_at_all(empty_project, capsys):
    assert "make demo" in fail(capsys, "run")


def test_a_folder_without_a_project(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PREFILL_PROJECT", str(tmp_path))
    assert "dagster.yaml" in fail(capsys, "status")


def test_a_statement_that_is_none(project, capsys):
    assert "SHOW TABLES" in fail(capsys, "sql", "SELEC 1")


def test_a_deleted_experiment_is_named(project, capsys):
    shutil.rmtree(run_dir(project))
    assert "there is no experiment yet" in fail(capsys, "run")
