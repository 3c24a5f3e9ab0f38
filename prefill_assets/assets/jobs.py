"""A job for each layer of assets: what one run may make together; and one for the checks."""

import dagster as dg

from prefill_assets.runs.plan import CHECK_JOB, LAYERS

layer_jobs = [
    dg.define_asset_job(
        # assets that tell each partition by itself yield no output, and a check in their run would be skipped
        name,
        selection=dg.AssetSelection.assets(*tables).without_checks(),
        description=f"Makes {', '.join(tables)}.",
    )
    for name, tables in LAYERS
]
check_job = dg.define_asset_job(
    CHECK_JOB, selection=dg.AssetSelection.all_asset_checks(), description="Looks for what does not hold in the tables."
)
