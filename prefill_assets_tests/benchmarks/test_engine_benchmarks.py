"""The engines' benchmarks run, and count what they say they count. Nothing here is timed."""

from __future__ import annotations

import pytest

from benchmarks import both_stages, scoring, spreading
from benchmarks.workload import LEVELS, SHAPES, count_model_flops, make_model, make_samples, make_tasks, train_tokenizer


def test_scoring_scores_every_prefill_once_and_right(capsys):
    found = scoring.main(["--problems", "3", "--following", "1", "--plain-samples", "2", "--checked-samples", "2"])

    assert (found["samples"], found["passes"], len(found["following_seconds"])) == (27, 3, 1)
    assert found["times_plain"] > 0
    for distances in found["distances_nats_a_token"].values():
        assert max(distances["ours"]) < 1e-4
    assert "times as fast" in capsys.readouterr().out


def test_both_stages_fill_both_tables(capsys):
    found = both_stages.main(["--problems", "2", "--max-tokens", "3"])

    assert (found["samples"], found["errors"], found["starts"], found["loads"]) == (24, 0, 1, 1)
    assert found["generated_tokens"] == 24 * 3, "a model with random weights ends no turn"
    assert 0 < found["generation_engine_share"] <= 1
    assert "generated tokens a second" in capsys.readouterr().out


def test_the_workload_is_the_one_that_the_table_names():
    tokenizer = train_tokenizer(SHAPES["tiny"])
    tasks = make_tasks(tokenizer, 60)
    samples = make_samples(tasks)

    def count_tokens(texts: list[str]) -> float:
        return sum(len(tokenizer(text)["input_ids"]) for text in texts) / len(texts)

    assert count_tokens([task.prompt for task in tasks]) == pytest.approx(600, rel=0.15)
    assert count_tokens([task.prefill(100) for task in tasks]) == pytest.approx(158, rel=0.15)
    assert len(samples) == 60 * 3 * 3
    for task in tasks:
        low, middle, high = (task.prefill(level) for level in LEVELS)
        assert high.startswith(middle)
        assert middle.startswith(low)


def test_arithmetic_is_that_of_a_pass_without_padding():
    import torch

    model = make_model(SHAPES["tiny"], torch.float32, "cpu")
    matrices = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 160)
    attention = 2 * 10**2 * 64 * 2

    assert count_model_flops(model, [(10, 4)]) == 2 * matrices * 10 + attention + 2 * 64 * 4096 * 4


def test_spreading_finds_the_same_sums_wherever_the_model_is(capsys):
    found = spreading.main(["--devices", "cpu", "auto", "--problems", "3", "--max-tokens", "2"])

    assert found["largest_difference_nats"] < 1e-4
    assert [side["generated_tokens"] for side in found["sides"]] == [6, 6]
    assert not any(side["errors"] for side in found["sides"])
    assert "largest difference" in capsys.readouterr().out
