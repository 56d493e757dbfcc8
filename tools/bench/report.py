"""Measurements as a table for the terminal and as JSON for comparisons over time."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Iterable
from pathlib import Path

import whimbrel_http_parser
from tools.bench.harness import Case, Measurement

__all__ = ["environment", "table", "write_json"]

_DISTRIBUTIONS = (
    "whimbrel",
    "whimbrel-http-parser",
    "aiohttp",
    "h11",
    "httptools",
    "httpx2",
    "picows",
    "uvloop",
    "websockets",
)


def environment() -> dict[str, str]:
    """Return what the figures depend on besides the code."""
    versions = {}
    for name in _DISTRIBUTIONS:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    compiled = "compiled" if whimbrel_http_parser.COMPILED else "pure Python"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"python": python, "machine": platform.machine(), "http-parser": compiled, **versions}


def table(case: Case, measurements: Iterable[Measurement]) -> str:
    """Return the lines for one case: time per operation, or memory, and the ratio to the rival."""
    reference = case.variants[min(1, len(case.variants) - 1)].name
    lines = [f"{case.name}: {case.operation}"]
    lines += [f"  {m.variant:<28} {_amount(m)} {m.ratio:>7.2f} x {reference}" for m in measurements]
    return "\n".join(lines)


def _amount(measurement: Measurement) -> str:
    if measurement.unit == "B":
        return f"{measurement.median:>12,.0f} B "
    return f"{measurement.median * 1e6:>12,.2f} us"


def write_json(path: Path, measurements: Iterable[Measurement]) -> None:
    """Write everything that was measured."""
    data = {
        "environment": environment(),
        "measurements": [
            {
                "case": m.case,
                "variant": m.variant,
                "operations": m.operations,
                "median": m.median,
                "unit": m.unit,
                "ratio": m.ratio,
                "samples": m.samples,
            }
            for m in measurements
        ],
    }
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")
