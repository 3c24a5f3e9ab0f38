import json
from pathlib import Path

import pytest

from prefill_assets.errors import InputError
from prefill_assets.sources.run_folder import CellFiles, RunFolder, find_logprob_files
from prefill_assets_tests.examples.odd_run import CELLS, write_odd_run


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_odd_run(tmp_path / "results")


def add_logprobs(folder: Path, *cells: tuple[int, int], run_info: object = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for checkpoint, level in cells:
        (folder / f"checkpoint-{checkpoint}_prefill{level}.jsonl").write_text("{}\n")
    if run_info is not None:
        (folder / "run_info.json").write_text(run_info if isinstance(run_info, str) else json.dumps(run_info))
    return folder


def test_cells_are_those_of_the_file_names_and_strays_are_not_read(run: Path):
    cells = RunFolder(run).require_cells()
    assert list(cells) == list(CELLS)
    evals = run / "evals"
    assert cells[1, 10] == CellFiles(evals / "checkpoint-1_prefill10.jsonl", evals / "checkpoint-1_prefill10.jsonl.samples.jsonl")
    assert cells[90, 0] == CellFiles(evals / "checkpoint-90_prefill0.jsonl", None)


def test_samples_alone_are_a_cell(run: Path):
    (run / "evals" / "checkpoint-10_prefill30.jsonl.samples.jsonl").write_text("{}\n")
    assert RunFolder(run).cells[10, 30].results is None


def test_no_folder_and_no_cells_are_errors(tmp_path: Path):
    with pytest.raises(InputError, match="no such run folder"):
        RunFolder(tmp_path / "gone")
    assert RunFolder(tmp_path).cells == {}
    with pytest.raises(InputError, match="no evaluations"):
        RunFolder(tmp_path).require_cells()


def test_two_files_of_one_cell_are_both_named(run: Path):
    (run / "evals" / "checkpoint-01_prefill10.jsonl").write_text("{}\n")
    with pytest.raises(InputError, match=r"checkpoint-1_prefill10.jsonl: .*checkpoint-01_prefill10.jsonl; keep one"):
        _ = RunFolder(run).cells


def test_logprobs_are_found_by_the_time_in_the_folder_name(run: Path):
    found = find_logprob_files(run)
    assert list(found) == [cell for cell in CELLS if cell[1]]
    assert found[1, 30].parent.name == "logprob-20260203-040506-prefill30"


def test_run_info_goes_before_the_folder_name(run: Path):
    analysis = run.parent.parent / "logprob_analysis"
    add_logprobs(
        analysis / "logprob-other-name", (7, 10), run_info={"prefill_run_dir": f"results/prefill_sensitivity/{run.name}/"}
    )
    add_logprobs(analysis / "logprob-20260203-040506-of-another", (8, 10), run_info={"prefill_run_dir": "elsewhere/another_run"})
    found = find_logprob_files(run)
    assert (7, 10) in found
    assert (8, 10) not in found


def test_a_run_info_that_names_no_run_leaves_it_to_the_folder_name(run: Path):
    add_logprobs(run.parent.parent / "logprob_analysis" / "logprob-20260203-040506-torn", (7, 10), run_info='{"prefill_run')
    assert (7, 10) in find_logprob_files(run)


def test_a_folder_that_names_nothing_belongs_to_the_only_run(run: Path):
    add_logprobs(run.parent.parent / "logprob_analysis" / "logprob-plain-prefill10", (7, 10))
    assert (7, 10) in find_logprob_files(run)
    (run.parent / "another_run" / "evals").mkdir(parents=True)
    assert (7, 10) not in find_logprob_files(run)


def test_logprobs_of_a_full_analysis_are_found(run: Path):
    folder = run.parent.parent / "full_analysis" / "full_analysis-20260301-000000" / "logprob"
    add_logprobs(folder, (7, 10), run_info={"prefill_run_dir": run.name})
    assert find_logprob_files(run)[7, 10].parent == folder


def test_two_logprob_files_of_one_cell_are_both_named(run: Path):
    twice = add_logprobs(run.parent.parent / "logprob_analysis" / "logprob-20260203-040506-again", (1, 10))
    with pytest.raises(InputError) as caught:
        find_logprob_files(run)
    first = run.parent.parent / "logprob_analysis" / "logprob-20260203-040506-prefill10" / "checkpoint-1_prefill10.jsonl"
    assert str(twice / "checkpoint-1_prefill10.jsonl") in str(caught.value)
    assert str(first) in str(caught.value)
    assert "logprob_dirs" in caught.value.remedy


def test_named_folders_are_the_only_ones_read(run: Path, tmp_path: Path):
    named = add_logprobs(tmp_path / "anywhere", (1, 10))
    assert find_logprob_files(run, [named]) == {(1, 10): named / "checkpoint-1_prefill10.jsonl"}
    assert find_logprob_files(run, []) == {}
    with pytest.raises(InputError, match="no such logprob folder"):
        find_logprob_files(run, [tmp_path / "gone"])
    with pytest.raises(InputError, match="holds no checkpoint-N_prefillL"):
        find_logprob_files(run, [run])
