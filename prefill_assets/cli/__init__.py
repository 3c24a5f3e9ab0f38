"""The `prefill` command."""
