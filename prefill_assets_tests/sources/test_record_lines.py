from pathlib import Path

import numpy
import pyarrow
import pytest

from prefill_assets.sources.record_lines import RecordLines, holds_any, read_lines, slice_texts


def write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def list_rows(lines: RecordLines) -> list[tuple]:
    return [tuple(row.values()) for row in lines.to_table(numpy.ones(len(lines.starts), bool)).to_pylist()]


def test_each_line_has_its_file_its_cell_and_its_place(tmp_path: Path):
    paths = {(90, 10): write(tmp_path, "a", b'{"a": 1}\n{"b": "\xc3\xbc"}\n'), (1, 0): write(tmp_path, "b", b'{"c": 3}')}
    assert list_rows(read_lines(paths)) == [(0, 90, 10, 1, '{"a": 1}'), (0, 90, 10, 2, '{"b": "ü"}'), (1, 1, 0, 1, '{"c": 3}')]


def test_only_the_chosen_lines_are_in_the_table(tmp_path: Path):
    lines = read_lines({(90, 10): write(tmp_path, "a", b'{"a": 1}\n\n{"b": 2}\n{"c": 3}')})
    found = lines.to_table(numpy.array([False, True, True])).to_pylist()
    assert [(row["position"], row["json"]) for row in found] == [(2, '{"b": 2}'), (3, '{"c": 3}')]


@pytest.mark.parametrize("blank", [b"\n", b"  \n", b"\t\r\n", b"\x0b\n", b"\x0c"])
def test_blank_lines_have_no_place(tmp_path: Path, blank: bytes):
    lines = list_rows(read_lines({(90, 10): write(tmp_path, "a", b'{"a": 1}\n' * 2 + b' {"b": 2}\r\n' + blank)}))
    assert [line[3:] for line in lines] == [(1, '{"a": 1}'), (2, '{"a": 1}'), (3, ' {"b": 2}\r')]
    lines = list_rows(read_lines({(90, 10): write(tmp_path, "a", blank.rstrip(b"\n") + b"\n[]")}))
    assert [line[3:] for line in lines] == [(1, "[]")]


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\n"])
def test_an_empty_file_has_no_lines(tmp_path: Path, content: bytes):
    empty = write(tmp_path, "a", content)
    assert list_rows(read_lines({(90, 10): empty})) == []
    assert list_rows(read_lines({(1, 0): empty, (90, 10): write(tmp_path, "b", b"{}"), (90, 30): empty})) == [
        (1, 90, 10, 1, "{}")
    ]


@pytest.mark.parametrize("content", [b'{"a": "\xff"}\n', b'{"a": "\xed\xa0\x80"}\n', b'{"a": "\xc3\n"}', b'{"a": "\xc3'])
def test_what_is_not_utf8_is_refused(tmp_path: Path, content: bytes):
    with pytest.raises(pyarrow.ArrowInvalid):
        read_lines({(90, 10): write(tmp_path, "a", content), (90, 30): write(tmp_path, "b", b"\x80\n")})


@pytest.mark.parametrize(
    ("line", "quotes", "is_plain"),
    [
        (rb'{"a": "b"}', 4, True),
        (rb'{"a": "b\"c"}', 4, True),
        (rb'{"a": "b\\"}', 4, True),
        (rb'{"a": "b\\\"c\\\\"}', 4, True),
        (rb'{"a": "\n\r\t\b\f"}', 4, True),
        (rb'{"a": "\u0041"}', 4, True),
        (rb'{"a": "\/"}', 4, True),
        (rb'{"a": "\x"}', 4, False),
        (b'{"a": "b\\', 3, False),
        (b'{"a": "\t"}', 4, False),
        (b'{"a": "\x00"}', 4, False),
        (b'{"a": 1}\r', 2, False),
        (b'{"\xc3\xbc": "\x7f"}', 4, True),
    ],
)
def test_quotes_are_those_that_are_not_escaped(tmp_path: Path, line: bytes, quotes: int, is_plain: bool):
    lines = read_lines({(90, 10): write(tmp_path, "a", b'{"x": 1}\n' + line + b'\n{"y": 2}')})
    assert lines.is_plain.tolist() == [True, is_plain, True]
    assert holds_any(lines.escapes, lines.starts, lines.ends).tolist() == [False, b"\\" in line, False]
    assert holds_any(lines.long_escapes, lines.starts, lines.ends).tolist() == [False, b"u0041" in line or b"/" in line, False]
    assert len(lines.quotes) == quotes + 4
    assert {bytes(lines.content)[place] for place in lines.quotes} == set(b'"')


def test_a_file_longer_than_a_block_is_searched_whole(tmp_path: Path):
    texts = ["x" * (3 * number % 97) for number in range(20_000)]
    path = write(tmp_path, "a", "".join(f'{{"a": "{text}\\""}}\n' for text in texts).encode())
    lines = read_lines({(90, 10): path})
    assert lines.content == path.read_bytes()
    starts, ends = lines.quotes.reshape(-1, 4)[:, 2:].T
    assert slice_texts(lines.content, starts + 1, ends).to_pylist() == [text + '\\"' for text in texts]
