from pathlib import Path

import pyarrow
import pytest

from prefill_assets.sources.record_lines import read_lines


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_each_line_has_its_file_its_cell_and_its_place(tmp_path: Path):
    paths = {(90, 10): write(tmp_path, "a", b'{"a": 1}\n{"b": "\xc3\xbc"}\n'), (1, 0): write(tmp_path, "b", b'{"c": 3}')}
    assert [tuple(row.values()) for row in read_lines(paths).to_pylist()] == [
        (0, 90, 10, 1, '{"a": 1}\n'),
        (0, 90, 10, 2, '{"b": "ü"}\n'),
        (1, 1, 0, 1, '{"c": 3}'),
    ]


@pytest.mark.parametrize("blank", [b"\n", b"  \n", b"\t\r\n", b"\x0b\n", b"\x0c"])
def test_blank_lines_have_no_place(tmp_path: Path, blank: bytes):
    lines = read_lines({(90, 10): write(tmp_path, "a", b'{"a": 1}\n' * 2 + b' {"b": 2}\r\n' + blank)})
    assert lines["json"].to_pylist() == ['{"a": 1}\n', '{"a": 1}\n', ' {"b": 2}\r\n']
    lines = read_lines({(90, 10): write(tmp_path, "a", blank.rstrip(b"\n") + b"\n[]")})
    assert (lines["position"].to_pylist(), lines["json"].to_pylist()) == ([1], ["[]"])


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\n"])
def test_an_empty_file_has_no_lines(tmp_path: Path, content: bytes):
    assert read_lines({(90, 10): write(tmp_path, "a", content)}).num_rows == 0


@pytest.mark.parametrize("content", [b'{"a": "\xff"}\n', b'{"a": "\xed\xa0\x80"}\n', b'{"a": "\xc3\n"}'])
def test_what_is_not_utf8_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(pyarrow.ArrowInvalid):
        read_lines({(90, 10): write(tmp_path, "a", content)})
