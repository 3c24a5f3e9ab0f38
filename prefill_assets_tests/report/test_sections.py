import pandas as pd

from prefill_assets.report.rendering import to_spec
from prefill_assets.report.sections import list_sections

from .conftest import EXPERIMENT

NAMES = [
    "exploit_rate_by_level",
    "accessibility_distribution",
    "time_to_threshold",
    "logprob_vs_token_accessibility",
    "token_vs_logprob_comparison",
    "threshold_comparison",
]


def test_one_experiment_has_six_sections(tables):
    sections = list_sections(EXPERIMENT, tables)
    assert [section.name for section in sections] == NAMES
    assert "min prefill ≤ 10 words; logprob threshold: sum of log P ≥ −55.39 nats" in str(to_spec(sections[-1].chart)["title"])


def test_other_experiments_are_compared_at_the_threshold(tables):
    rates = pd.concat([tables["exploit_rates"], tables["exploit_rates"].assign(experiment="control")])
    last = list_sections(EXPERIMENT, {**tables, "exploit_rates": rates})[-1]
    assert last.name == "experiments_compared"
    assert to_spec(last.chart)["title"]["text"].startswith("Exploit rate at 10 words of prefill")
    chosen = list_sections(EXPERIMENT, {**tables, "exploit_rates": rates}, compared_level=0)[-1]
    assert to_spec(chosen.chart)["title"]["text"].startswith("Exploit rate at 0 words of prefill")


def test_without_tables_every_section_is_there():
    assert [section.name for section in list_sections(EXPERIMENT, {})] == NAMES
