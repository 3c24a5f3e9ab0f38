"""Progress of long work, on a terminal only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from prefill_assets.interruption import end_if_asked

T = TypeVar("T")


def track(items: Iterable[T], description: str, total: int) -> Iterator[T]:
    """The items as they come, with a bar on standard error while it is a terminal. Raises KeyboardInterrupt between them."""
    for item in _draw(items, description, total):
        yield item
        end_if_asked()


def _draw(items: Iterable[T], description: str, total: int) -> Iterable[T]:
    import sys

    if not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track as draw

    return draw(items, description, total, transient=True, console=Console(stderr=True))
