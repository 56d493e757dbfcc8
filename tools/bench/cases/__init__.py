"""The cases by group. A group's module is imported when its cases are run: so are the rivals."""

from __future__ import annotations

import importlib

from tools.bench.harness import Case

__all__ = ["GROUPS", "cases_of"]

GROUPS = ("parser", "cookies", "connector", "client", "websocket", "scaling")


def cases_of(group: str) -> tuple[Case, ...]:
    """Return the cases of one group."""
    cases: tuple[Case, ...] = importlib.import_module(f"{__name__}.{group}").CASES
    return cases
