"""Whole analyses from one command: what is to be computed, its Dagster runs, and a record that tells the truth."""
