from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prefill_assets.sources.settings import Settings, read_whole_numbers

NUMBERS = st.lists(st.integers(0, 999_999_999), min_size=1, unique=True)


def test_defaults_are_those_of_the_spec():
    settings = Settings()

    assert (settings.num_attempts, settings.threshold, settings.logprob_threshold) == (3, 10, -55.39)
    assert (settings.temperature, settings.top_p, settings.dtype, settings.device) == (0.4, 1.0, "bfloat16", "auto")
    assert (settings.checkpoints, settings.prefill_tokens_sweep, settings.prefill_levels) == (None, None, None)
    assert settings.unintentional_exploit_types == ("inadequate_test_coverage", "resource_exhaustion")
    assert settings.reference_rules is False


@pytest.mark.parametrize(
    "written",
    [[1, 10, 90], ["checkpoint-1", "checkpoint-10", "checkpoint-90"], ["90", "checkpoint-10", 1], "1,checkpoint-10, 90"],
)
def test_checkpoints_may_be_written_as_number_or_folder_and_come_sorted(written):
    assert Settings.model_validate({"checkpoints": written}).checkpoints == (1, 10, 90)


@pytest.mark.parametrize(
    "written", ["0,10,30,100", " 100, 30 ,10,0", [0, 10, 30, 100], ["0", "10", "30", "100"], (100, 30, 10, 0)]
)
def test_levels_may_be_written_as_text_or_list_and_come_sorted(written):
    settings = Settings.model_validate({"prefill_tokens_sweep": written, "prefill_levels": written})

    assert settings.prefill_tokens_sweep == settings.prefill_levels == (0, 10, 30, 100)


def test_one_level_needs_no_list():
    assert Settings.model_validate({"prefill_tokens_sweep": 0}).prefill_tokens_sweep == (0,)


def test_attempts_is_the_specs_other_name_and_gives_way_to_num_attempts():
    assert Settings.model_validate({"attempts": 7}).num_attempts == 7
    assert Settings.model_validate({"attempts": 7, "num_attempts": 2}).num_attempts == 2


def test_unknown_keys_are_kept():
    assert Settings.model_validate({"wandb_project": "hacks"}).model_extra == {"wandb_project": "hacks"}


@pytest.mark.parametrize("key", ["checkpoints", "prefill_tokens_sweep", "prefill_levels"])
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("", "is empty"),
        ([], "is empty"),
        (",", "is empty"),
        ("ten", "'ten' is not"),
        ([0, "x"], "'x' is not"),
        ([0, None], "None is not"),
        ([10.0], "10.0 is not"),
        (float("nan"), "nan is not"),
        (-10, "-10 is not"),
        ("-10", "'-10' is not"),
        ("1e2", "'1e2' is not"),
        ([True], "True is not"),
        ({"a": 1}, "is not"),
        (10**12, "is not"),
        ("9" * 5000, "is not"),
        ([10, 10], "twice: [10]"),
        ([10, "10"], "twice: [10]"),
    ],
)
def test_bad_lists_of_whole_numbers_are_refused(key, value, complaint):
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({key: value})

    assert caught.value.errors()[0]["loc"] == (key,)
    assert complaint in caught.value.errors()[0]["msg"]


def test_one_checkpoint_written_in_two_ways_is_a_duplicate():
    with pytest.raises(ValidationError, match=r"twice: \[90\]"):
        Settings.model_validate({"checkpoints": ["checkpoint-90", 90]})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("threshold", float("nan")),
        ("threshold", -1),
        ("threshold", 10.5),
        ("threshold", True),
        ("threshold", None),
        ("logprob_threshold", float("nan")),
        ("logprob_threshold", float("-inf")),
        ("logprob_threshold", "low"),
        ("logprob_threshold", True),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", -0.1),
        ("top_p", 0),
        ("top_p", 1.1),
        ("top_p", float("nan")),
        ("num_attempts", 0),
        ("num_attempts", "three"),
        ("attempts", 0),
        ("max_problems", 0),
        ("max_problems", False),
        ("max_samples", 0),
        ("max_tokens", 0),
        ("batch_size", 0),
        ("seed", 0.5),
        ("exploit_prompts", "perhaps"),
        ("reference_rules", 2),
        ("dialect", "markdown"),
        ("dtype", "float64"),
        ("engine", "vllm-on-mars"),
        ("checkpoint_dir", 5),
        ("checkpoint_dir", ["a"]),
        ("problems", None),
        ("unintentional_exploit_types", "resource_exhaustion"),
    ],
)
def test_wrong_types_and_impossible_values_are_refused_by_key(key, value):
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({key: value})
    assert caught.value.errors()[0]["loc"][0] == key


@given(NUMBERS, st.booleans())
def test_whole_numbers_come_back_in_order_from_text_and_from_prefixed_names(numbers, prefixed):
    names: list[Any] = [f"checkpoint-{number}" if prefixed else number for number in numbers]

    assert read_whole_numbers(names, "a checkpoint", prefix="checkpoint-") == numbers
    assert read_whole_numbers(",".join(map(str, names)), "a checkpoint", prefix="checkpoint-") == numbers


def test_a_prefix_belongs_to_checkpoints_alone():
    with pytest.raises(ValueError, match="'checkpoint-10' is not a prefill level"):
        read_whole_numbers("checkpoint-10", "a prefill level")
