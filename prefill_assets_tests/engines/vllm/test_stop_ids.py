from __future__ import annotations

import json

import pytest

from prefill_assets.engines.vllm.engine import find_stop_ids
from prefill_assets.errors import InputError
from prefill_assets_tests.tiny_models import make_tokenizer


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, set()),
        ({"config.json": {"eos_token_id": 7}}, {7}),
        ({"generation_config.json": {"eos_token_id": [8, 9]}, "config.json": {"eos_token_id": 7}}, {8, 9}),
        ({"generation_config.json": {}, "config.json": {"eos_token_id": 7}}, set()),
    ],
)
def test_a_turn_ends_where_the_generation_config_says_else_the_config_and_at_the_tokenizers_end(tmp_path, files, expected):
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    tokenizer = make_tokenizer("chatml")

    assert find_stop_ids(tmp_path, tokenizer) == expected | {tokenizer.eos_token_id}


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_broken_configuration_is_one_line(tmp_path, content):
    (tmp_path / "generation_config.json").write_text(content)

    with pytest.raises(InputError, match=r"generation_config.json: not a model's configuration"):
        find_stop_ids(tmp_path, make_tokenizer("chatml"))
