"""Submissions that attack their verifier, as data: what each attacks, and what must happen."""
