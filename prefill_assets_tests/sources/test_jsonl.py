import math
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.jsonl import read_records


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "records.jsonl"


def test_records_come_with_their_lines_and_blank_lines_are_skipped(path: Path):
    path.write_bytes('\n{"a": "ü\u2028"}\r\n   \n{"a": [1, null]}'.encode())
    assert list(read_records(path)) == [(2, {"a": "ü\u2028"}), (4, {"a": [1, None]})]


def test_bare_nan_and_infinities_are_numbers(path: Path):
    path.write_text('{"nan": NaN, "low": -Infinity, "high": Infinity}\n')
    [(_, record)] = read_records(path)
    assert math.isnan(record["nan"])
    assert (record["low"], record["high"]) == (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b'{"a": 1}\n{"a": "cut o', 2, "cut off"),
        (b'{"a": 1}\n{"a": }\n{"a": 2}\n', 2, "broken JSON"),
        (b'{"a": 1,}\n', 1, "broken JSON"),
        (b'{"a": nan}\n', 1, "broken JSON"),
        (b'\xef\xbb\xbf{"a": 1}\n', 1, "BOM"),
        (b'{"a": 1}\n[1, 2]\n', 2, "expected a JSON object, found list"),
        (b"null\n", 1, "expected a JSON object, found NoneType"),
        (b'{"a": "\xff"}\n', 1, "not UTF-8 at byte 8"),
        (b'{"a": "\\ud83d"}\n', 1, "surrogate"),
        (b'{"a": 1, "a": 2}\n', 1, "'a' stands there twice"),
        (b"[" * 100_000 + b"\n", 1, "unusable JSON"),
        (b'{"a": ' + b"1" * 5000 + b"}\n", 1, "unusable JSON"),
    ],
)
def test_a_fault_is_named_with_its_line(path: Path, content: bytes, line: int, words: str):
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        list(read_records(path))
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert words in str(caught.value)
    assert caught.value.remedy
    assert "\n" not in str(caught.value)


def test_a_whole_surrogate_pair_is_a_character(path: Path):
    path.write_text('{"a": "\\ud83d\\ude42"}\n')
    assert list(read_records(path)) == [(1, {"a": "🙂"})]


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_an_empty_file_is_an_error(path: Path, content: bytes):
    path.write_bytes(content)
    with pytest.raises(InputError, match="the file is empty; "):
        list(read_records(path))


def test_no_file_and_a_folder_are_errors(tmp_path: Path):
    with pytest.raises(InputError, match="no such file"):
        list(read_records(tmp_path / "gone.jsonl"))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_records(tmp_path))
