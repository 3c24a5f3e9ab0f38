"""How numbers are written for readers, in titles and in sentences. Unknown is written as "unknown"."""

from __future__ import annotations

import math

UNKNOWN = "unknown"


def is_known(value: object) -> bool:
    """Whether a table's cell holds a finite number: not None, NaN, NA or infinite."""
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def write_count(value: float | None) -> str:
    """3200 as `3,200`."""
    return f"{value:,.0f}" if value is not None and is_known(value) else UNKNOWN


def write_counted(value: float | None, noun: str, plural: str | None = None) -> str:
    """`1 problem`, `3,200 problems`."""
    return f"{write_count(value)} {noun if value == 1 else plural or noun + 's'}"


def write_number(value: float | None, decimals: int = 3) -> str:
    """A decimal with a true minus sign, kept where a negative number rounds to 0: an interval's end may be just below it."""
    if value is None or not is_known(value):
        return UNKNOWN
    return f"{value + 0.0:.{decimals}f}".replace("-", "−")


def write_rate(value: float | None) -> str:
    """A share of 1 in percent, with one decimal."""
    return f"{value:.1%}".replace("%", " %") if value is not None and is_known(value) else UNKNOWN


def write_interval(low: float | None, high: float | None, decimals: int = 3) -> str:
    """`[0.010, 0.200]`, or a word where there is none."""
    if not (is_known(low) and is_known(high)):
        return "[no interval]"
    return f"[{write_number(low, decimals)}, {write_number(high, decimals)}]"


def write_p_value(value: float | None) -> str:
    """`p = 1.9e-02`. Superscripts would read better, but the fonts that every renderer has lack them."""
    if value is None or not is_known(value):
        return "p unknown"
    return "p < 1.0e-300" if value < 1e-300 else f"p = {value:.1e}"
