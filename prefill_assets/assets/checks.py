"""Claims about the tables, as asset checks: what does not hold is listed, by experiment, checkpoint and task."""

from dataclasses import asdict
from functools import partial
from typing import Any

import dagster as dg

from prefill_assets.assets.platform import Platform
from prefill_assets.assets.upkeep import when_tables_changed
from prefill_assets.checks.findings import CHECKED_TABLES, Finding, find_check, list_findings, list_miscounted
from prefill_assets.errors import InputError
from prefill_assets.stages.dependencies import Dependencies

SHOWN_FINDINGS = 50
RIGHT_RULES_ONLY = frozenset({"min_prefill_is_known"})
"""Under the reference rules such claims are made by design."""


def _make_check(name: str) -> dg.AssetChecksDefinition:
    check = find_check(name)

    def run_check(context, platform: Platform) -> dg.AssetCheckResult:
        found = [
            {"experiment": experiment, **asdict(finding)}
            for experiment in platform.list_experiments()
            for finding in _list_findings(context, platform, experiment, name)
        ]
        return describe_findings(found)

    return dg.asset_check(asset=check.table, name=name, description=check.claim, automation_condition=when_tables_changed)(
        run_check
    )


def _list_findings(context: Any, platform: Platform, experiment: str, name: str) -> list[Any]:
    try:
        dependencies = platform.load_dependencies(experiment)
        if name in RIGHT_RULES_ONLY and dependencies.experiment.settings.reference_rules:
            return []
        parameters = describe_expectations(dependencies)
    except InputError as error:
        context.log.warning(f"{experiment} is not checked: {error}")
        return [Finding(name, "WARN", f"not checked: {error}")]
    with platform.connect() as connection:
        found = list_findings(connection, name, experiment, **parameters)
        if name == "token_counts_agree":
            found += _count_tokens_again(connection, dependencies)
    return found


def _count_tokens_again(connection: Any, dependencies: Dependencies) -> list[Finding]:
    """What the tokenizer of the last checkpoint that was scored here says of the prefills; nothing where none was scored here."""
    from prefill_assets.engines.tokenization import find_dialect, load_tokenizer
    from prefill_assets.stages.prefill_scoring import count_prefill_tokens

    experiment, inputs = dependencies.experiment, dependencies.inputs
    keys = dependencies.list_keys("prefill_logprobs")
    scored_here = [k for k in keys if k.cell not in inputs.logprob_files and dependencies.find_stamp("prefill_logprobs", k)]
    for step in sorted({key.step for key in scored_here}, reverse=True):
        folder = inputs.find_checkpoint_folder(step)
        try:
            if folder is not None:
                tokenizer, dialect = load_tokenizer(folder), find_dialect(folder, experiment.settings)
                count_tokens = partial(count_prefill_tokens, tokenizer=tokenizer, dialect=dialect)
                return list_miscounted(connection, experiment.name, count_tokens)
        except (InputError, OSError):
            continue  # just being written, or deleted but for its folder
    unread = "no tokenizer of a scored checkpoint can be read: tokens were not counted again"
    return [Finding("token_counts_agree", "WARN", unread)] if scored_here else []


def describe_expectations(dependencies: Dependencies) -> dict[str, Any]:
    """What an experiment's tables are to hold; an imported run is as large as it came."""
    experiment = dependencies.experiment
    if experiment.eval_files:
        return {"levels": list(experiment.levels)}
    return {
        "levels": list(experiment.levels),
        "num_tasks": len(dependencies.inputs.tasks),
        "num_attempts": experiment.settings.num_attempts,
        "max_samples": experiment.settings.max_samples,
    }


def describe_findings(found: list[dict[str, Any]]) -> dg.AssetCheckResult:
    """Passed where nothing was found; as grave as the gravest finding otherwise."""
    is_error = any(finding["severity"] == "ERROR" for finding in found)
    records = [
        dg.TableRecord({key: "" if value is None else value for key, value in finding.items() if key != "check"})
        for finding in found[:SHOWN_FINDINGS]
    ]
    return dg.AssetCheckResult(
        passed=not found,
        severity=dg.AssetCheckSeverity.ERROR if is_error else dg.AssetCheckSeverity.WARN,
        metadata={"num_findings": len(found), **({"findings": dg.MetadataValue.table(records)} if records else {})},
    )


checks = [_make_check(name) for name in CHECKED_TABLES]
