"""What is cheap to compute is brought up to date by itself, after whatever it is computed from."""

import dagster as dg

_handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
_changed = dg.AutomationCondition.any_deps_updated() | dg.AutomationCondition.code_version_changed()

when_inputs_changed = (
    _changed.since(_handled) & ~dg.AutomationCondition.any_deps_in_progress() & ~dg.AutomationCondition.in_progress()
).with_label("when what it is computed from has changed")
"""Not `eager()`: that waits for ever where another experiment sweeps levels that this one does not have."""

when_tables_changed = (
    dg.AutomationCondition.any_deps_updated().since(dg.AutomationCondition.newly_requested())
    & ~dg.AutomationCondition.any_deps_in_progress()
    & ~dg.AutomationCondition.in_progress()
).with_label("when the table that it is about has changed")
"""For checks: they run by themselves, since the runs that make partitions one by one pass over them."""

keep_analysis_current = dg.AutomationConditionSensorDefinition(
    "keep_analysis_current",
    target=dg.AssetSelection.groups("trajectory", "comparison", "report") | dg.AssetSelection.all_asset_checks(),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Brings trajectories, comparisons, reports and checks up to date after evaluations. Needs no GPU.",
)
