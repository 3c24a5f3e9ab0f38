"""The Dagster shell: assets that read, call, write, and attach metadata."""

import warnings

from dagster import BetaWarning

# backfill policies and multi-dimensional mappings are marked beta in the release that we pin; saying so ten times helps nobody
warnings.filterwarnings("ignore", category=BetaWarning)
