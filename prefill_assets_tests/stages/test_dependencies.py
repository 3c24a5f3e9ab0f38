"""Which partitions an experiment has, and what each is made from."""

from __future__ import annotations

import pytest

from prefill_assets.stages.dependencies import CODE_VERSIONS
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import PARTITION_COLUMNS
from prefill_assets_tests.stages.bench import LEVELS, STEPS, TABLES, Bench

NAME = "run-1"
CELLS = [PartitionKey(NAME, step, level) for step in STEPS for level in LEVELS]
BY_STEP = [PartitionKey(NAME, step) for step in STEPS]


@pytest.fixture
def bench(tmp_path) -> Bench:
    return Bench(tmp_path)


def import_cells(bench: Bench, *cells: tuple[int, int], samples: bool = True) -> None:
    """Result files of an imported run, with or without samples beside them."""
    (bench.run_dir / "evals").mkdir(exist_ok=True)
    for step, level in cells:
        name = f"checkpoint-{step}_prefill{level}.jsonl"
        (bench.run_dir / "evals" / name).write_text("{}\n")
        if samples:
            (bench.run_dir / "evals" / f"{name}.samples.jsonl").write_text("{}\n")


def test_every_table_has_a_code_version():
    assert set(CODE_VERSIONS) >= set(PARTITION_COLUMNS)


def test_a_generated_experiment_has_a_partition_for_every_cell_checkpoint_or_itself(bench):
    dependencies = bench.look()

    for table in TABLES:
        grain = len(PARTITION_COLUMNS[table])
        assert dependencies.list_keys(table) == {1: [PartitionKey(NAME)], 2: BY_STEP, 3: CELLS}[grain]


def test_the_flow_of_a_generated_experiment(bench):
    look = bench.look()
    cell, step, whole = PartitionKey(NAME, 10, 0), PartitionKey(NAME, 10), PartitionKey(NAME)

    assert look.list_upstream("eval_samples", cell) == []
    assert look.list_upstream("eval_results", cell) == [("eval_samples", cell)]
    assert look.list_upstream("prefill_logprobs", cell) == [("eval_samples", cell)]
    assert look.list_upstream("trajectory", step) == [("eval_results", key) for key in CELLS[2:]]
    assert look.list_upstream("trajectory_analysis", whole) == [("trajectory", key) for key in BY_STEP]
    assert look.list_upstream("trajectory_with_logprob", step) == [
        ("trajectory_analysis", whole),
        *(("prefill_logprobs", key) for key in CELLS),
    ]
    for table in ("predictor_comparison", "threshold_comparison"):
        assert look.list_upstream(table, whole) == [("trajectory_with_logprob", key) for key in BY_STEP]


@pytest.mark.parametrize("table", TABLES)
def test_upstream_partitions_are_ones_that_the_experiment_has_and_come_earlier(bench, table):
    look = bench.look()

    for key in look.list_keys(table):
        for upstream, upstream_key in look.list_upstream(table, key):
            assert upstream_key in look.list_keys(upstream)
            assert TABLES.index(upstream) < TABLES.index(table)


def test_an_imported_run_needs_no_problems_traces_or_weights(bench):
    import_cells(bench, *((key.step, key.cell[1]) for key in CELLS))
    bench.configure(checkpoint_dir=None, prefill_source=None, problems="gone.jsonl")

    look = bench.look()

    assert look.list_keys("problems") == look.list_keys("prefill_traces") == look.list_keys("prefill_logprobs") == []
    assert look.list_keys("eval_samples") == look.list_keys("eval_results") == CELLS
    assert look.list_upstream("eval_results", CELLS[0]) == []
    assert set(look.describe("eval_results", CELLS[0])) == {"code_version", "results_file"}
    assert set(look.describe("eval_samples", CELLS[0])) == {"code_version", "samples_file"}


def test_an_imported_cell_without_samples_has_results_alone(bench):
    import_cells(bench, *((key.step, key.cell[1]) for key in CELLS[1:]))
    import_cells(bench, (1, 0), samples=False)

    look = bench.look()

    assert look.list_keys("eval_samples") == CELLS[1:]
    assert look.list_keys("eval_results") == CELLS


def test_a_run_that_was_imported_in_part_is_generated_in_the_rest(bench):
    import_cells(bench, (1, 0))

    look = bench.look()

    assert look.list_keys("eval_samples") == CELLS
    assert look.list_keys("problems") == [PartitionKey(NAME)]
    assert "samples_file" in look.describe("eval_samples", CELLS[0])
    assert "temperature" in look.describe("eval_samples", CELLS[1])


def test_imported_logprobs_are_read_and_the_others_scored_where_weights_are(bench):
    import_cells(bench, *((key.step, key.cell[1]) for key in CELLS))
    logprobs = bench.folder / "logprob-x-prefill10"
    logprobs.mkdir()
    (logprobs / "checkpoint-1_prefill10.jsonl").write_text("{}\n")
    bench.configure(logprob_dirs=["../logprob-x-prefill10"], checkpoints=[1, 10, 17])
    import_cells(bench, (17, 10))

    look = bench.look()

    keys = look.list_keys("prefill_logprobs")
    assert set(keys) == set(CELLS), "checkpoint 17 has neither weights nor logprobs"
    imported, scored = PartitionKey(NAME, 1, 10), PartitionKey(NAME, 10, 10)
    assert look.list_upstream("prefill_logprobs", imported) == []
    assert set(look.describe("prefill_logprobs", imported)) == {"code_version", "logprob_file"}
    assert look.list_upstream("prefill_logprobs", scored) == [("eval_samples", scored)]


def test_a_changed_file_of_an_imported_run_changes_what_is_made_from_it(bench):
    import_cells(bench, (1, 0))
    before = [bench.look().describe(table, CELLS[0]) for table in ("eval_results", "eval_samples")]

    (bench.run_dir / "evals" / "checkpoint-1_prefill0.jsonl").write_text('{"task_id": "p-1"}\n')

    after = [bench.look().describe(table, CELLS[0]) for table in ("eval_results", "eval_samples")]
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(
    ("having", "step", "source"),
    [
        ((1, 10, 17), 10, 10),
        ((1, 17), 10, 17),
        ((1, 19), 10, 1),
        ((90,), 1, 90),
        ((), 10, 10),
    ],
)
def test_prefills_come_from_the_nearest_checkpoint_that_has_samples_of_two_from_the_earlier(bench, having, step, source):
    steps = (1, 10, 17, 19, 90)
    import_cells(bench, *((s, 10) for s in steps), samples=False)
    import_cells(bench, *((s, 10) for s in having))
    bench.configure(checkpoints=list(steps), prefill_tokens_sweep=[10])

    assert bench.look().find_samples_checkpoint(step, 10) == source


@pytest.mark.parametrize("table", ["eval_samples", "prefill_logprobs"])
def test_what_a_model_writes_depends_on_the_engine_and_not_on_how_its_server_is_reached(bench, table):
    def describe(**changed):
        bench.configure(**changed)
        return bench.look().describe(table, CELLS[0])

    mine = describe(engine="vllm")

    assert mine != describe()
    address = {"vllm_base_url": "http://elsewhere:8000", "vllm_model": "mine-{step}", "vllm_command": "vllm serve"}
    assert mine == describe(engine="vllm", vllm_concurrency=3, vllm_request_seconds=7, vllm_start_seconds=7, **address)
