"""The Dagster shell: assets that read, call, write, and attach metadata."""
