"""What leaks in import_hook_side_channel: the current test, as module globals."""

from __future__ import annotations

from typing import Any

current_input: Any = None
current_expected: Any = None


def clear() -> None:
    global current_input, current_expected
    current_input = current_expected = None
