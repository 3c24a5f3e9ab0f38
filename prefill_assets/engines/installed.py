"""Packages that a machine may have or lack."""

from __future__ import annotations


def is_installed(name: str) -> bool:
    from importlib.util import find_spec

    return find_spec(name) is not None
