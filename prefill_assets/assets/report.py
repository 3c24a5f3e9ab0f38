"""The report page of each experiment, as an asset."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg

from prefill_assets.assets.comparisons import predictor_comparison, threshold_comparison, trajectory_with_logprob
from prefill_assets.assets.experiments import Part, materialize_experiments
from prefill_assets.assets.materialization import OWNERS
from prefill_assets.assets.pictures import show_pictures
from prefill_assets.assets.platform import Platform
from prefill_assets.assets.trajectories import trajectory_analysis
from prefill_assets.assets.upkeep import when_inputs_changed
from prefill_assets.redaction import hide_secrets
from prefill_assets.stages.dependencies import CODE_VERSIONS, Dependencies
from prefill_assets.warehouse.partition import PartitionKey, Stamp, WrittenPartition


@dg.asset(
    deps=[
        trajectory_analysis,
        dg.AssetDep(trajectory_with_logprob, partition_mapping=dg.AllPartitionMapping()),
        predictor_comparison,
        threshold_comparison,
        "report_inputs",  # with it the exploit rates, of all experiments
    ],
    code_version=CODE_VERSIONS["report"],
    automation_condition=when_inputs_changed,
    group_name="report",
    kinds={"altair", "report"},
    owners=OWNERS,
    description="One page an experiment that answers, shows and documents; it opens offline, at data/reports/NAME/index.html.",
)
def report(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
    def make_part(dependencies: Dependencies, key: PartitionKey, stamp: Stamp) -> Part:
        from prefill_assets.report.publication import PAGE, write_report, write_stamp

        folder = platform.locations.reports / key.experiment
        provenance = _describe_provenance(dependencies, stamp)
        not_exploitable_as = dependencies.experiment.settings.not_exploitable_as
        pictures = write_report(platform.connect(), key.experiment, folder, provenance, not_exploitable_as)
        written = WrittenPartition(
            **vars(stamp), data_version=stamp.input_version, num_rows=len(pictures), written_at=datetime.now(UTC).isoformat()
        )
        write_stamp(folder, written)
        return written, {
            "page": dg.MetadataValue.path(str(folder / PAGE)),
            "num_pictures": len(pictures),
            **show_pictures(pictures),
        }

    return materialize_experiments(context, platform, "report", make_part)


def _describe_provenance(dependencies: Dependencies, stamp: Stamp) -> dict[str, Any]:
    from prefill_assets import __version__

    experiment = dependencies.experiment
    return {
        "run folder": str(experiment.run_dir),
        "checkpoints": list(experiment.checkpoints),
        "prefill levels (words)": list(experiment.levels),
        "settings": hide_secrets(experiment.settings.model_dump()),
        "prefill-assets": __version__,
        "Dagster run": stamp.run_id,
        "made from": stamp.parts,
    }
