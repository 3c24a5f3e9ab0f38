"""Verdicts on model-written code: the verifier protocol, the embedded verifier, and the problem pack."""
