"""What experiments start from, as assets: their problems and their prefill traces."""

from typing import Any

import dagster as dg

from prefill_assets.assets.experiments import materialize_table
from prefill_assets.assets.materialization import OWNERS, describe_table
from prefill_assets.assets.platform import Platform
from prefill_assets.prompts.words import count_words
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.warehouse.partition import PartitionKey
from prefill_assets.warehouse.table import find_table


@dg.asset(
    deps=["problem_files"],
    code_version=CODE_VERSIONS["problems"],
    group_name="inputs",
    kinds={"duckdb", "yaml"},
    owners=OWNERS,
    description=find_table("problems").comment,
    metadata=describe_table("problems"),
)
def problems(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, key: PartitionKey) -> list[dict[str, Any]]:
        from prefill_assets.verification.problem_check import require_sound_problems

        summary = require_sound_problems(dependencies.inputs.located_problems, platform.load_verifier(dependencies.experiment))
        for error in summary.errors:
            context.log.warning(f"not judged: {error}")
        return [
            {
                "experiment": key.experiment,
                "task_id": problem.id,
                "exploit_type": problem.exploit_type,
                "function_name": problem.function_name,
                "description": problem.description,
                "problem_version": problem.version,
            }
            for problem in dependencies.inputs.problems.values()
        ]

    return materialize_table(context, platform, "problems", compute)


@dg.asset(
    deps=[problems, "trace_files"],
    code_version=CODE_VERSIONS["prefill_traces"],
    group_name="inputs",
    kinds={"duckdb", "json"},
    owners=OWNERS,
    description=find_table("prefill_traces").comment,
    metadata=describe_table("prefill_traces"),
)
def prefill_traces(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def compute(dependencies: Dependencies, key: PartitionKey) -> list[dict[str, Any]]:
        traces = dependencies.inputs.traces.values()
        return [
            {"experiment": key.experiment, "reasoning_words": count_words(trace.reasoning), **vars(trace)} for trace in traces
        ]

    return materialize_table(context, platform, "prefill_traces", compute)
