"""A job for each layer of assets: what one run may make together."""

import dagster as dg

from prefill_assets.runs.plan import LAYERS

layer_jobs = [
    dg.define_asset_job(name, selection=dg.AssetSelection.assets(*tables), description=f"Makes {', '.join(tables)}.")
    for name, tables in LAYERS
]
