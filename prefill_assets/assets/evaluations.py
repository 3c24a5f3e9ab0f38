"""Stages 1 and 3 as assets: samples, verdicts and logprobs, for every checkpoint and prefill level.

One step makes all three: generation and scoring share one load of a checkpoint's weights, however Dagster cuts a backfill.
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.checkpoint_evaluation import CheckpointEvaluation
from prefill_assets.assets.materialization import OWNERS, Materializer, describe_table
from prefill_assets.assets.partitions import cell_partitions
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.requests import list_requests
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import CODE_VERSIONS
from prefill_assets.warehouse.table import find_table


def _specify(table: str, group: str, kind: str, deps: list[str], inputs: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table,
        deps=[*deps, dg.AssetDep(inputs, partition_mapping=dg.MultiToSingleDimensionPartitionMapping("checkpoint"))],
        skippable=True,  # each partition is told by an event of its own
        code_version=CODE_VERSIONS[table],
        group_name=group,
        kinds={"duckdb", kind},
        owners=OWNERS,
        description=find_table(table).comment,
        metadata=describe_table(table),
    )


@dg.multi_asset(
    specs=[
        _specify("eval_samples", "evaluation", "pytorch", ["problems", "prefill_traces"], "sampling_inputs"),
        _specify("eval_results", "evaluation", "python", ["eval_samples"], "verification_inputs"),
        _specify("prefill_logprobs", "scoring", "pytorch", ["eval_samples"], "scoring_inputs"),
    ],
    description="Samples, verdicts and logprobs of each checkpoint by one load of its weights; what fails leaves the rest alone.",
    partitions_def=cell_partitions,
    backfill_policy=dg.BackfillPolicy.single_run(),
    can_subset=True,
    pool="engine",
)
def checkpoint_evaluations(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    yield from ()
    materializer = Materializer(context, platform)
    with platform.count_engine_work() as taken:
        for experiment, by_checkpoint in list_requests(context).items():
            try:
                dependencies = platform.open_experiment(experiment, context.run_id)
            except InputError as error:
                materializer.note_failure(error, experiment)
                continue
            for checkpoint, requested in by_checkpoint.items():
                CheckpointEvaluation(materializer, dependencies, requested).make()
                context.log.info(f"{experiment} checkpoint-{checkpoint}: {materializer.num_present} partitions so far")
    context.instance.add_run_tags(context.run_id, {f"prefill/{name}": str(number) for name, number in taken.items()})
    materializer.finish()
