"""The one error that users see: what is wrong, where, and what to do about it."""

from __future__ import annotations

from pathlib import Path


class InputError(Exception):
    """Bad input. Its text is one line: `file:line: what is wrong; remedy`.

    Raise it for anything a user can mend. The command line prints it without a traceback, and assets fail with it as it is.
    """

    def __init__(self, problem: str, *, path: Path | str | None = None, line: int | None = None, remedy: str = ""):
        self.problem, self.path, self.line, self.remedy = problem, path, line, remedy
        place = "" if path is None else f"{path}:{line}: " if line is not None else f"{path}: "
        text = f"{place}{problem}{'; ' + remedy if remedy else ''}"
        super().__init__(" ".join(text.split()))
