"""Whose code called: for warnings and for saying where something was made."""

from __future__ import annotations

import sys
import warnings

__all__ = ["caller", "warn_caller"]


def caller() -> tuple[str, int]:
    """Find the code outside these packages that called into them.

    Returns:
        Its file and line, and its level above the function that asks, as `warnings` counts.
    """
    frame = sys._getframe(1)  # documented, and far cheaper than inspect.stack()
    level = 0
    while frame.f_globals.get("__name__", "").startswith("whimbrel") and frame.f_back:
        frame = frame.f_back
        level += 1
    return f"{frame.f_code.co_filename}:{frame.f_lineno}", level + 1


def warn_caller(message: str) -> None:
    """Warn the code outside these packages that something is deprecated."""
    _, level = caller()
    warnings.warn(message, DeprecationWarning, stacklevel=level)
