from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
from prefill_assets.errors import InputError
from prefill_assets.prompts.dialects import Dialect
from prefill_assets.sources.settings import Settings
from prefill_assets_tests.tiny_models import FORMS


@pytest.fixture
def checkpoint(find_tiny_checkpoint, tmp_path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "checkpoint-90"))


@pytest.mark.parametrize(
    ("form", "dialect"),
    [
        ("chatml", Dialect.CHAT),
        ("headers", Dialect.CHAT),
        ("think_opened", Dialect.THINK),
        ("think_unopened", Dialect.THINK),
        ("harmony", Dialect.HARMONY),
    ],
)
def test_the_dialect_is_found_from_the_folder(find_tiny_checkpoint, form, dialect):
    assert find_dialect(find_tiny_checkpoint(form), Settings()) is dialect


def test_a_configured_dialect_needs_no_checkpoint(tmp_path):
    assert find_dialect(tmp_path / "nowhere", Settings(dialect="think")) is Dialect.THINK


def test_the_path_tells_harmony_where_an_adapter_has_no_configuration(find_tiny_checkpoint, tmp_path):
    checkpoint = Path(shutil.copytree(find_tiny_checkpoint("chatml"), tmp_path / "sft_openai_gpt-oss-20b" / "checkpoint-90"))
    assert find_dialect(checkpoint, Settings()) is Dialect.CHAT

    (checkpoint / "config.json").unlink()

    assert find_dialect(checkpoint, Settings()) is Dialect.HARMONY


@pytest.mark.parametrize("form", list(FORMS))
def test_the_saved_tokenizer_comes_back_with_its_template(find_tiny_checkpoint, form):
    assert load_tokenizer(find_tiny_checkpoint(form)).chat_template == FORMS[form].template


def test_checkpoints_of_one_run_share_a_tokenizer(find_tiny_checkpoint, checkpoint):
    (checkpoint / "trainer_state.json").write_text('{"global_step": 90}')

    assert load_tokenizer(checkpoint) is load_tokenizer(find_tiny_checkpoint("chatml"))


def test_a_tokenizer_saved_anew_is_read_anew(checkpoint):
    before = load_tokenizer(checkpoint)
    (checkpoint / "chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")

    assert load_tokenizer(checkpoint) is not before
    assert load_tokenizer(checkpoint).chat_template != before.chat_template


@pytest.mark.parametrize("content", [None, "", "{", "{}", "not json", '{"model": {"type": "BPE"}}'])
def test_a_missing_or_broken_tokenizer_is_one_line(checkpoint, content):
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (checkpoint / name).unlink()
        if content is not None:
            (checkpoint / name).write_text(content)

    complain(checkpoint)


def test_a_tokenizer_that_is_still_being_copied_is_one_line(checkpoint):
    text = (checkpoint / "tokenizer.json").read_text()
    (checkpoint / "tokenizer.json").write_text(text[: len(text) // 2])

    complain(checkpoint)


def test_a_configuration_that_spoils_the_tokenizer_is_one_line(checkpoint):
    (checkpoint / "config.json").write_text("[]")

    complain(checkpoint)


def complain(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=r"no tokenizer can be read: .*; save the tokenizer with the checkpoint") as caught:
        load_tokenizer(checkpoint)
    assert str(caught.value).startswith(f"{checkpoint}: ")
    assert "\n" not in str(caught.value)
