"""Inputs as they lie on disk: experiments, checkpoints, problems, prefill traces, and existing runs."""
