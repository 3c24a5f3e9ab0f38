from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.experiment import load_experiment
from prefill_assets.stages.inputs import ExperimentInputs, hash_file, hash_values
from prefill_assets_tests.stages.bench import Bench
from prefill_assets_tests.tiny_problems import make_problem, make_trace, write_problems, write_traces


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def read(bench: Bench, **changed: Any) -> ExperimentInputs:
    if changed:
        bench.configure(**changed)
    return ExperimentInputs(load_experiment(bench.run_dir))


def test_tasks_are_the_problems_that_have_a_trace_in_the_order_of_the_problems(bench):
    write_traces(bench.traces, [make_trace("p-2"), make_trace("p-1")])

    tasks = read(bench).tasks

    assert [task.problem.id for task in tasks] == ["p-1", "p-2"]
    assert [task.trace and task.trace.task_id for task in tasks] == ["p-1", "p-2"]
    assert [task.problem.id for task in read(bench, max_problems=1).tasks] == ["p-1"]


def test_the_baseline_alone_needs_no_traces_and_takes_every_problem(bench):
    inputs = read(bench, prefill_source=None, prefill_tokens_sweep=0)

    assert [(task.problem.id, task.trace) for task in inputs.tasks] == [("p-1", None), ("p-2", None), ("no-trace", None)]


def test_prefills_without_a_source_are_an_error_at_the_config(bench):
    with pytest.raises(InputError, match=r"config.yaml:\d+: prefill_source is not set; name the file with exploit traces"):
        _ = read(bench, prefill_source=None).tasks


def test_the_trace_keeps_the_source_as_the_config_names_it(bench):
    assert {trace.prefill_source for trace in read(bench).traces.values()} == {"../exploits.jsonl"}


def test_a_trace_of_an_unknown_problem_is_refused_by_its_line(bench):
    write_traces(bench.traces, [make_trace("p-1"), make_trace("p-9")])

    with pytest.raises(InputError) as caught:
        _ = read(bench).traces

    assert str(caught.value) == (
        f"{bench.run_dir / '../exploits.jsonl'}:2: task 'p-9' is not among the problems of '../problems.jsonl'; "
        "remove the record, or add the problem"
    )


def test_a_source_in_which_no_task_matches_is_refused_as_a_whole(bench):
    write_traces(bench.traces, [make_trace("p-8"), make_trace("p-9")])

    with pytest.raises(InputError, match=r"exploits.jsonl: none of its 2 tasks is among the problems of .*; mend `problems` or"):
        _ = read(bench).tasks


@pytest.mark.parametrize(("key", "complaint"), [("prefill_source", "no such prefill source"), ("problems", "gone.jsonl: ")])
def test_a_missing_file_is_named(bench, key, complaint):
    with pytest.raises(InputError, match=complaint) as caught:
        _ = read(bench, **{key: "gone.jsonl"}).tasks

    assert str(caught.value).startswith(str(bench.run_dir / "gone.jsonl"))


def test_the_pack_is_there_by_default(bench):
    write_traces(bench.traces, [make_trace("p-1")])

    with pytest.raises(InputError, match="none of its 1 tasks is among the problems of 'pack'"):
        _ = read(bench, problems="pack").tasks
    assert len(read(bench, problems="pack").problems) >= 40


def test_weights_are_asked_for_when_they_are_needed(bench):
    inputs = read(bench, checkpoints=[1, 10, 90])

    assert [inputs.has_weights(step) for step in (1, 10, 90)] == [True, True, False]
    assert inputs.fingerprint(1) != inputs.fingerprint(10)
    with pytest.raises(InputError, match="no folder checkpoint-90"):
        inputs.fingerprint(90)
    assert read(bench, checkpoint_dir=None, checkpoints=[1]).has_weights(1) is False


def test_versions_follow_what_a_prompt_or_a_verification_reads(bench):
    first = read(bench)
    before = first.prompts_version, first.problems_version
    write_problems(bench.problems, [make_problem("p-1", test_cases=[([0, 0], 0)]), make_problem("p-2"), make_problem("no-trace")])
    second = read(bench)

    assert second.prompts_version == before[0]
    assert second.problems_version != before[1]


def test_hashes_are_of_content(tmp_path):
    file = tmp_path / "file"
    file.write_text("one")
    os.utime(file, (1, 1))
    before = hash_file(file)
    os.utime(file, (2, 2))
    assert hash_file(file) == before

    file.write_text("two")
    os.utime(file, (3, 3))
    assert hash_file(file) != before
    assert hash_file(Path(file.rename(tmp_path / "renamed"))) == hash_file(tmp_path / "renamed")


def test_hashes_do_not_depend_on_the_order_of_sets_and_mappings():
    assert hash_values([{8, 0}, {"a": 1, "b": {0, 8}}]) == hash_values([{0, 8}, {"b": {8, 0}, "a": 1}])
    assert str({8, 0}) != str({0, 8}), "this Python writes both alike: the test shows nothing"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ([1], ["1"]),
        ([None], ["None"]),
        ([True], [1]),
        ([1], [1.0]),
        ((1,), [1]),
        ({1: 2}, {"1": 2}),
        (["a", "b"], ["ab"]),
        ({1}, [1]),
    ],
)
def test_hashes_tell_values_and_types_apart(one, other):
    assert hash_values(one) != hash_values(other)


def test_keys_of_several_kinds_can_be_hashed():
    assert hash_values({1: "a", "b": 2, None: 3, (1, 2): 4}) == hash_values({(1, 2): 4, None: 3, "b": 2, 1: "a"})


def test_a_problems_version_is_the_same_in_every_process_also_with_sets_in_its_tests():
    import subprocess
    import sys

    code = (
        "from prefill_assets_tests.tiny_problems import make_problem; "
        "print(make_problem('p', test_cases=[({'one', 'two', 'three', 'four'}, {1: b'x'})]).version)"
    )
    root = Path(__file__).parents[2]
    versions = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2", "3")
    }

    assert len(versions) == 1
