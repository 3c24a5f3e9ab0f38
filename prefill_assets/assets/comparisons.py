"""Stage 4 as assets: token and logprob indicators side by side, and which predicts better."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.experiments import materialize_table
from prefill_assets.assets.materialization import OWNERS, describe_table, materialize_partitions
from prefill_assets.assets.partitions import checkpoint_partitions
from prefill_assets.assets.pictures import draw_for
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.trajectories import trajectory_analysis
from prefill_assets.assets.upkeep import when_inputs_changed
from prefill_assets.assets.whole_table import WholeTable
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import find_table


@dg.asset(
    partitions_def=checkpoint_partitions,
    deps=[
        trajectory_analysis,
        "integration_inputs",  # of all the experiment's checkpoints: no mapping of Dagster's keeps experiments apart
        dg.AssetDep("prefill_logprobs", partition_mapping=dg.MultiToSingleDimensionPartitionMapping("checkpoint")),
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    code_version=CODE_VERSIONS["trajectory_with_logprob"],
    automation_condition=when_inputs_changed,
    group_name="comparison",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    description=find_table("trajectory_with_logprob").comment,
    metadata=describe_table("trajectory_with_logprob"),
)
def trajectory_with_logprob(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    def compute_all(dependencies: Dependencies) -> Any:
        from prefill_assets.analysis.comparison import compute_trajectory_with_logprob

        return compute_trajectory_with_logprob(platform.connect(), dependencies.experiment.name, _find_rules(dependencies))

    def compute(dependencies: Dependencies, keys: list[PartitionKey]) -> Iterator[tuple[PartitionKey, Any]]:
        for key in keys:
            yield key, whole.cut(dependencies, key)

    whole = WholeTable("trajectory_with_logprob", compute_all)
    yield from materialize_partitions(context, platform, "trajectory_with_logprob", compute)


@dg.asset(
    deps=[dg.AssetDep(trajectory_with_logprob, partition_mapping=dg.AllPartitionMapping()), "predictor_inputs"],
    code_version=CODE_VERSIONS["predictor_comparison"],
    automation_condition=when_inputs_changed,
    group_name="comparison",
    kinds={"duckdb", "scipy"},
    owners=OWNERS,
    description=find_table("predictor_comparison").comment,
    metadata=describe_table("predictor_comparison"),
)
def predictor_comparison(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, key: PartitionKey) -> Any:
        from prefill_assets.analysis.comparison import compute_predictor_comparison

        return compute_predictor_comparison(platform.connect(), key.experiment, _find_rules(dependencies))

    return materialize_table(context, platform, "predictor_comparison", compute, draw_for(platform, "predictor_comparison"))


@dg.asset(
    deps=[dg.AssetDep(trajectory_with_logprob, partition_mapping=dg.AllPartitionMapping()), "threshold_inputs"],
    code_version=CODE_VERSIONS["threshold_comparison"],
    automation_condition=when_inputs_changed,
    group_name="comparison",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    description=find_table("threshold_comparison").comment,
    metadata=describe_table("threshold_comparison"),
)
def threshold_comparison(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, key: PartitionKey) -> Any:
        from prefill_assets.analysis.comparison import compute_threshold_comparison

        reference_rules = dependencies.experiment.settings.reference_rules
        return compute_threshold_comparison(platform.connect(), key.experiment, reference_rules=reference_rules)

    return materialize_table(context, platform, "threshold_comparison", compute, draw_for(platform, "threshold_comparison"))


def _find_rules(dependencies: Dependencies) -> Any:
    from prefill_assets.analysis.rules import Rules

    return Rules.from_settings(dependencies.experiment.settings, dependencies.experiment.levels)
