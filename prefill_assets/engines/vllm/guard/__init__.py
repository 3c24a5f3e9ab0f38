"""Modules that the vLLM server imports, from this folder alone: it lives in another environment than ours."""
