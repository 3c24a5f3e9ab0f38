"""Stage 1 as assets: samples and their verdicts, for every checkpoint and prefill level."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.materialization import OWNERS, describe_table, materialize_partitions
from prefill_assets.assets.partitions import cell_partitions
from prefill_assets.assets.platform import Platform
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.stages.progress import track
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import find_table


@dg.asset(
    partitions_def=cell_partitions,
    deps=["problems", "prefill_traces"],
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CODE_VERSIONS["eval_samples"],
    group_name="evaluation",
    kinds={"duckdb", "pytorch"},
    owners=OWNERS,
    description=find_table("eval_samples").comment,
    metadata=describe_table("eval_samples"),
)
def eval_samples(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, keys: list[PartitionKey]) -> Iterator[tuple[PartitionKey, Any]]:
        for key in keys:
            yield key, _read_or_generate_samples(platform, dependencies, key)

    return materialize_partitions(context, platform, "eval_samples", compute)


@dg.asset(
    partitions_def=cell_partitions,
    deps=[eval_samples],
    backfill_policy=dg.BackfillPolicy.single_run(),
    code_version=CODE_VERSIONS["eval_results"],
    group_name="evaluation",
    kinds={"duckdb", "python"},
    owners=OWNERS,
    description=find_table("eval_results").comment,
    metadata=describe_table("eval_results"),
)
def eval_results(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, keys: list[PartitionKey]) -> Iterator[tuple[PartitionKey, Any]]:
        for key in keys:
            yield key, _read_or_judge_results(platform, dependencies, key)

    return materialize_partitions(context, platform, "eval_results", compute)


def _read_or_generate_samples(platform: Platform, dependencies: Dependencies, key: PartitionKey) -> Any:
    from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
    from prefill_assets.sources.eval_records import read_eval_samples
    from prefill_assets.stages.generation import generate_samples

    inputs, experiment = dependencies.inputs, dependencies.experiment
    if samples_file := inputs.samples_file(*key.cell):
        return read_eval_samples(samples_file, key.experiment, *key.cell)
    checkpoint = inputs.checkpoint_path(key.step)
    rows = generate_samples(
        key.experiment,
        *key.cell,
        tasks=inputs.tasks,
        settings=experiment.settings,
        engine=platform.open_engine(checkpoint, experiment.settings),
        tokenizer=load_tokenizer(checkpoint),
        dialect=find_dialect(checkpoint, experiment.settings),
    )
    return list(track(rows, f"generating {key}", len(inputs.tasks) * experiment.settings.num_attempts))


def _read_or_judge_results(platform: Platform, dependencies: Dependencies, key: PartitionKey) -> Any:
    from prefill_assets.sources.eval_records import read_eval_results
    from prefill_assets.stages.judging import SAMPLE_COLUMNS, judge_samples

    experiment = dependencies.experiment
    if dependencies.keeps_verdicts(key):
        return read_eval_results(experiment.eval_files[key.cell], key.experiment, *key.cell)
    samples = platform.warehouse.read_rows("eval_samples", key, SAMPLE_COLUMNS)
    if not samples:
        raise InputError(f"eval_samples {key} is missing", remedy="materialize eval_samples first")
    verifier = platform.load_verifier(experiment)
    return list(track(judge_samples(samples, dependencies.inputs.problems, verifier), f"verifying {key}", len(samples)))
