"""From an experiment's settings to the verifier that judges for it."""

from __future__ import annotations

from pathlib import Path

from prefill_assets.sources.settings import Settings
from prefill_assets.verification.protocol import Verifier


def load_verifier(settings: Settings, *, djinn_python: Path | None = None, cache: Path | None = None) -> Verifier:
    """The verifier that an experiment asks for; with `cache`, it knows what any run has asked before.

    Nothing is started before it is used. Raises InputError where the verifier is not installed.
    """
    verifier = _make_verifier(settings, djinn_python)
    if cache is None:
        return verifier
    from prefill_assets.verification.verdict_cache import CachingVerifier

    return CachingVerifier(verifier, cache)


def _make_verifier(settings: Settings, djinn_python: Path | None) -> Verifier:
    if settings.verifier == "djinn":
        from prefill_assets.verification.djinn.verifier import DjinnVerifier

        python = str(djinn_python) if djinn_python else None
        return DjinnVerifier(python=python, allow_unsandboxed=settings.allow_unsandboxed)
    from prefill_assets.verification.embedded import EmbeddedVerifier

    return EmbeddedVerifier(allow_unsandboxed=settings.allow_unsandboxed)
