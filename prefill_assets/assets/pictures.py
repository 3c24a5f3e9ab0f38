"""Charts as asset metadata: the UI shows them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dagster as dg

from prefill_assets.assets.platform import Platform
from prefill_assets.stages.dependencies import Dependencies


def draw_for(platform: Platform, table: str) -> Callable[[Dependencies], dict[str, Any]]:
    """The charts that belong to a table, drawn for an experiment."""

    def draw(dependencies: Dependencies) -> dict[str, Any]:
        from prefill_assets.report.publication import CHARTS_BY_TABLE, draw_pictures

        experiment = dependencies.experiment
        not_exploitable_as = experiment.settings.not_exploitable_as
        return show_pictures(draw_pictures(platform.connect(), experiment.name, CHARTS_BY_TABLE[table], not_exploitable_as))

    return draw


def show_pictures(pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """PNGs as Markdown metadata, by name."""
    from prefill_assets.report.rendering import to_markdown_image

    return {name: dg.MetadataValue.md(to_markdown_image(png, name)) for name, png in pictures.items()}
