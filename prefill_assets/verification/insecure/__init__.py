"""The insecure verifiers' half outside the sandbox: it knows what passes, and decides from what the submission's process saw."""
