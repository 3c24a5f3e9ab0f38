"""Stage 2 as assets: how little prefill elicits an exploit, at each checkpoint and over training."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from prefill_assets.assets.experiments import materialize_table
from prefill_assets.assets.materialization import OWNERS, describe_table, materialize_partitions
from prefill_assets.assets.partitions import checkpoint_partitions
from prefill_assets.assets.pictures import draw_for
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.upkeep import when_inputs_changed
from prefill_assets.assets.whole_table import WholeTable
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import find_table


@dg.asset(
    partitions_def=checkpoint_partitions,
    deps=[
        dg.AssetDep("eval_results", partition_mapping=dg.MultiToSingleDimensionPartitionMapping("checkpoint")),
        "trajectory_settings",
    ],
    backfill_policy=dg.BackfillPolicy.single_run(),
    output_required=False,
    code_version=CODE_VERSIONS["trajectory"],
    automation_condition=when_inputs_changed,
    group_name="trajectory",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    description=find_table("trajectory").comment,
    metadata=describe_table("trajectory"),
)
def trajectory(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[Any]:
    def compute_all(dependencies: Dependencies) -> Any:
        from prefill_assets.analysis.trajectories import compute_trajectory

        experiment = dependencies.experiment
        rules = experiment.settings.reference_rules
        return compute_trajectory(platform.connect(), experiment.name, experiment.levels, reference_rules=rules)

    def compute(dependencies: Dependencies, keys: list[PartitionKey]) -> Iterator[tuple[PartitionKey, Any]]:
        for key in keys:
            if not any(dependencies.find_stamp(*upstream) for upstream in dependencies.list_upstream("trajectory", key)):
                raise InputError(f"{key} has no eval_results yet", remedy="materialize eval_results first")
            yield key, whole.cut(dependencies, key)

    whole = WholeTable("trajectory", compute_all)
    yield from materialize_partitions(context, platform, "trajectory", compute)


@dg.asset(
    deps=[dg.AssetDep(trajectory, partition_mapping=dg.AllPartitionMapping()), "analysis_inputs"],
    code_version=CODE_VERSIONS["trajectory_analysis"],
    automation_condition=when_inputs_changed,
    group_name="trajectory",
    kinds={"duckdb", "sql"},
    owners=OWNERS,
    description=find_table("trajectory_analysis").comment,
    metadata=describe_table("trajectory_analysis"),
)
def trajectory_analysis(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, key: PartitionKey) -> Any:
        from prefill_assets.analysis.rules import Rules
        from prefill_assets.analysis.trajectories import compute_trajectory_analysis

        experiment = dependencies.experiment
        rules = Rules.from_settings(experiment.settings, experiment.levels)
        return compute_trajectory_analysis(platform.connect(), experiment.name, rules)

    return materialize_table(context, platform, "trajectory_analysis", compute, draw_for(platform, "trajectory_analysis"))
