"""What is cheap to compute is brought up to date by itself, after whatever it is computed from."""

import dagster as dg

_handled = dg.AutomationCondition.newly_requested() | dg.AutomationCondition.newly_updated()
_changed = dg.AutomationCondition.any_deps_updated() | dg.AutomationCondition.code_version_changed()

when_inputs_changed = (
    _changed.since(_handled) & ~dg.AutomationCondition.any_deps_in_progress() & ~dg.AutomationCondition.in_progress()
).with_label("when what it is computed from has changed")
"""Not `eager()`: that waits for ever where another experiment sweeps levels that this one does not have."""

keep_analysis_current = dg.AutomationConditionSensorDefinition(
    "keep_analysis_current",
    target=dg.AssetSelection.groups("trajectory", "comparison", "report"),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Brings trajectories, comparisons and reports up to date after evaluations. Needs no GPU.",
)
