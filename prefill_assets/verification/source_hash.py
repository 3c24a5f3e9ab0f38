"""What tells one version of a verifier from another: its source files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def hash_sources(root: Path, files: Iterable[Path]) -> str:
    """Hash of names, under `root`, and contents of files, in this order (12 hex digits)."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.relative_to(root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()[:12]
