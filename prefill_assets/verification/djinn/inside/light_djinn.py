"""djinn's verification, imported without what verification does not use."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
import types
from pathlib import Path


class DjinnImportError(Exception):
    """Why this interpreter has no usable djinn, in one sentence."""


def prepare_import() -> None:
    """Make `djinn.sandbox` importable.

    `djinn.core` imports data sets, exporters and a registry that dies where the folder djinn/problems is missing, as it is after
    every installation from git: so the package is set up here without running its `__init__`. python-dotenv is replaced, because
    djinn would load any `.env` above its own folder into an environment that submissions can read.
    """
    if importlib.util.find_spec("djinn") is None:
        raise DjinnImportError(f"djinn-framework is not installed for {sys.executable}")
    import djinn  # pyright: ignore[reportMissingImports]

    folder = Path(next(iter(djinn.__path__)))
    if not (folder / "sandbox" / "daemon_bridge.py").is_file():
        raise DjinnImportError(
            f"the package djinn of {sys.executable} is not djinn-framework but another project of that name, "
            "such as the Tornado framework on PyPI"
        )
    core = types.ModuleType("djinn.core")
    core.__path__ = [str(folder / "core")]
    sys.modules["djinn.core"] = core
    dotenv = types.ModuleType("dotenv")
    dotenv.load_dotenv = lambda *_, **__: False  # type: ignore[attr-defined]
    sys.modules["dotenv"] = dotenv
    try:
        importlib.import_module("djinn.sandbox.daemon_bridge")
        importlib.import_module("djinn.verifiers")
        importlib.import_module("djinn.core.reward")
    except ImportError as error:
        raise DjinnImportError(f"djinn of {sys.executable} cannot be imported ({error})") from error
