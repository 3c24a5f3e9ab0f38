import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefill_assets.errors import InputError
from prefill_assets.sources import record_forms
from prefill_assets.sources.record_columns import read_alike
from prefill_assets.sources.record_fields import LOGPROB_RECORDS, RESULT_RECORDS, SAMPLE_RECORDS, RecordKind
from prefill_assets.sources.record_lines import read_lines
from prefill_assets.sources.record_rows import read_tables

CELL = (90, 10)
PLAIN = ["", "a", "b", "null", "é", "\u2028", "a, b: {}", "[1, 2,]", ": nan", "x" * 70, '"', "\\", "\t", "\x00", "\x1f", "\x7f"]
ESCAPED = r"""
\" \\ \\\" a\nb\tc\rd\be\f \"a\":1,\" \/ \u00e9 \u001f \u0000 \u000a \u0022 \ud83d\ude00 \ud800 \x \\\\ \\u0041 \\/ \u004 \U0041
\u005C\u0008 \u007f\u0080 \u2028 \ufeff\uffff \u00E9\/ \ud83d \ude00\ud83d
"""
TEXTS = [*PLAIN, *ESCAPED.split()]
LITERALS = (
    "null|true|false|True|NaN|nan|-Infinity|Infinity|inf|[]|{}|[ ]|[1, 2]|[[]]||1 2|0x1|1_0" + '|"text"|""|["a"]|{"a": "b"}'
)
NUMBERS = """
0 -0 1 -1 007 +1 1. .5 1.0 -0.0 1.50 0.1 -3.25 1e5 1E400 1e-7 1.5e300 0.00001 100000.0 12345678901234567.0 1234567890123456.5
0.1000000000000000055 2147483647 2147483648 -2147483649 123456789012345678 9223372036854775807 9223372036854775808
-9223372036854775808 111111111111111111111111111111
"""
TOKENS = [*LITERALS.split("|"), *NUMBERS.split()]
NAMES = ["z", "a b", "ü", "_x", "~/", "_record", "task_id", 'q\\"', "\\u0041", "verifier", "temperature"]


@st.composite
def contents(draw: st.DrawFn, kind: RecordKind) -> str:
    """Lines of few forms, most of them sound, with what may be odd about one."""
    names = st.lists(st.sampled_from([field.name for field in kind.fields] + NAMES), max_size=4)
    usual = {"VARCHAR": ['"a"', r'"a\nb"', "null"], "BOOLEAN": ["true", "false", "null"], "DOUBLE": ["0.5", "-1.25", "null"]}
    types = {field.name: usual.get(field.type, ["0", "7", "null"]) for field in kind.fields}
    odd = st.one_of(st.sampled_from(TEXTS).map('"{}"'.format), st.sampled_from(TOKENS))
    forms = draw(
        st.lists(st.tuples(names, st.sampled_from([(", ", ": "), (",", ":"), (" ,\t", " :  ")])), min_size=1, max_size=3)
    )
    lines = []
    for number in range(draw(st.integers(1, 8))):
        own, (comma, colon) = draw(st.sampled_from(forms))
        values = {name: draw(st.sampled_from(types.get(name, ['"t"', "[]", "3"]))) for name in own}
        if own and draw(st.integers(0, 3)) == 0:
            values[draw(st.sampled_from(own))] = draw(odd)
        pairs = [("task_id", '"t"'), ("exploit_type", '"x"'), ("attempt_idx", str(number)), *values.items()]
        if draw(st.integers(0, 9)) == 0:
            pairs = draw(st.permutations(pairs))[: draw(st.integers(1, len(pairs)))]
        line = "{" + comma.join(f'"{name}"{colon}{value}' for name, value in pairs) + "}"
        if draw(st.integers(0, 9)) == 0:
            place = draw(st.integers(0, len(line)))
            line = (
                line[:place] + draw(st.sampled_from(['"', "\\", ",", "}", " ", "\t", "\r", "\n", "1", "\ufeff"])) + line[place:]
            )
        lines.append(line + draw(st.sampled_from(["\n"] * 9 + ["\r\n", " \n", "\n\n", "\n \n", ""])))
    return "".join(lines)


def read(kind: RecordKind, path: Path) -> object:
    """The rows, or what is said of a fault."""
    try:
        return [repr(row) for row in read_tables(kind, {CELL: path}, "run")[CELL].to_pylist()]
    except InputError as fault:
        return str(fault)


def check(path: Path, kind: RecordKind, content: str) -> None:
    path.write_bytes(content.encode())
    with pytest.MonkeyPatch.context() as patch:
        found = read(kind, path)
        patch.setattr(record_forms, "MAX_FORMS", 0)
        assert found == read(kind, path)


@pytest.mark.parametrize("kind", [RESULT_RECORDS, SAMPLE_RECORDS, LOGPROB_RECORDS], ids=lambda kind: kind.table_name)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_lines_that_are_alike_are_read_as_if_each_were_parsed(tmp_path: Path, kind: RecordKind, data: st.DataObject):
    check(tmp_path / "records.jsonl", kind, data.draw(contents(kind)))


ODD = [
    *((name, f'"{text}"') for name in ("z", "error") for text in TEXTS),
    *((name, token) for name in ("z", "reward_gap", "output_tokens") for token in TOKENS),
    *((name, value) for name in ("error", "secure_pass", "attempt_idx") for value in ("null", "true", "1", "-0", '"1"', "[]")),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_an_odd_value_among_usual_ones_is_read_as_if_parsed(tmp_path: Path, name: str, value: str):
    usual = {"error": '"e"', "reward_gap": "0.5", "secure_pass": "true"}.get(name, "7")
    lines = [f'{{"task_id": "t{i}", "exploit_type": "x", "{name}": {found}}}\n' for i, found in enumerate([usual, value, usual])]
    check(tmp_path / "records.jsonl", RESULT_RECORDS, "".join(lines))


def test_all_lines_of_a_run_s_own_files_are_alike(tmp_path: Path):
    verdicts = [
        {"exploit_success": True, "reward_gap": 1.0},
        {"exploit_success": False, "reward_gap": 0.25},
        {"error": 'it "broke"\n'},
    ]
    records = [
        {"task_id": f"t{i}", "exploit_type": "x", "attempt_idx": 0, **verdict, "reasoning": "é\\ 1", "patterns": [], "n": i}
        for i, verdict in enumerate(verdicts * 20)
    ]
    path = tmp_path / "records.jsonl"
    path.write_text("".join(json.dumps(record, ensure_ascii=i % 2 == 0) + "\n" for i, record in enumerate(records)))
    tables, is_left = read_alike(RESULT_RECORDS, read_lines({CELL: path}), "run")
    assert [table.num_rows for table in tables] == [40, 20]
    assert not is_left.any()


def test_odd_lines_at_the_start_keep_no_other_from_being_alike(tmp_path: Path):
    odd = [f'{{"task_id": "t{i}", "exploit_type": "x", "z": {[1] * i}}}\n' for i in range(60)]
    usual = [f'{{"task_id": "u{i}", "exploit_type": "x", "z": {i}}}\n' for i in range(100)]
    path = tmp_path / "records.jsonl"
    path.write_text("".join(odd + usual))
    _, is_left = read_alike(RESULT_RECORDS, read_lines({CELL: path}), "run")
    assert is_left.tolist() == [i != 0 for i in range(60)] + [False] * 100
