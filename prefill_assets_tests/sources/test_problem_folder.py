import json
from pathlib import Path

import pytest
import yaml

from prefill_assets.errors import InputError
from prefill_assets.sources.problem_pack import load_problems
from prefill_assets_tests.tiny_problems import make_problem

ADD = "def add(a, b):\n    return a + b\n"


def write_folder(parent: Path, name: str, **changes) -> Path:
    """One problem in djinn's layout: tests as text, labels, and keys that verification does not read."""
    record = make_problem("ignored").as_record()
    record = {key: value for key, value in record.items() if key not in ("keywords", "info_leak_method")}
    record |= {
        "id": "generated_1750000000",
        "test_cases": "[((1, 2), 3), ((4, 5), 9)]",
        "insecure_test_cases": "[((1, 2), 3)]",
        "labels": ["sum"],
        "nulls": ["nulls/constant.py"],
        "insecure_verifier": "insecure_verifier.py",
        "gt_difficulty": 1,
    }
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "problem.yaml").write_text(yaml.safe_dump({**record, **changes}))
    return folder


def test_a_folder_of_djinns_problem_folders_is_read_by_name(tmp_path):
    for name in ("sum_002", "sum_001"):
        write_folder(tmp_path, name)
    (tmp_path / "exploit_types.json").write_text(json.dumps({"no": "problem"}))
    first, second = load_problems(str(tmp_path), Path("/nowhere"))
    assert (first.id, second.id) == ("sum_001", "sum_002")
    assert first.test_cases == [((1, 2), 3), ((4, 5), 9)]
    assert first.keywords == ("sum",)


def test_code_may_lie_in_files_beside_the_problem(tmp_path):
    folder = write_folder(tmp_path, "sum_001", ground_truth="ground_truth.py", exploit="pass")
    (folder / "ground_truth.py").write_text(ADD)
    [problem] = load_problems(".", tmp_path)
    assert (problem.ground_truth, problem.exploit) == (ADD, "pass")


@pytest.mark.parametrize(
    ("value", "what"),
    [("missing.py", "names the file missing.py, which cannot be read"), ("../secret.py", "names a file outside its folder")],
)
def test_files_of_code_must_be_there_and_in_the_folder(tmp_path, value, what):
    (tmp_path / "secret.py").write_text("SECRET = 1")
    folder = write_folder(tmp_path, "sum_001", ground_truth=value)
    with pytest.raises(InputError, match=what) as caught:
        load_problems(".", tmp_path)
    assert (caught.value.path, caught.value.line) == (folder / "problem.yaml", 1)


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    (tmp_path / "secret.py").write_text("SECRET = 1")
    folder = write_folder(tmp_path, "sum_001", ground_truth="ground_truth.py")
    (folder / "ground_truth.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(InputError, match="outside its folder"):
        load_problems(".", tmp_path)


def test_a_file_named_alone_keeps_its_id(tmp_path):
    folder = write_folder(tmp_path, "sum_001", id="mine_001")
    for source in (folder / "problem.yaml", folder):
        assert load_problems(str(source), Path("/nowhere"))[0].id == "mine_001"


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"insecure_test_cases": None}, "insecure_test_cases missing"),
        ({"test_cases": "[]"}, "test_cases is empty"),
        ({"test_cases": "[[1, true]]"}, "true, false and null of JSON"),
        ({"test_case": []}, "unknown field test_case"),
    ],
)
def test_problems_without_tests_or_with_unknown_fields_are_refused(tmp_path, changes, what):
    folder = write_folder(tmp_path, "sum_001", **changes)
    with pytest.raises(InputError, match=what) as caught:
        load_problems(".", tmp_path)
    assert str(caught.value).startswith(f"{folder / 'problem.yaml'}:1: problem 'sum_001': ")
    assert caught.value.remedy
