"""Prefill sensitivity analysis as Dagster assets: is this model learning to hack its reward, and can we see it early?"""

__version__ = "0.1.0"
