"""What the suite made of the client, and whether that is what it must be."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["ALL_CASES", "INFORMATIONAL", "Outcome", "fault", "read_outcomes", "table"]

ALL_CASES = 517
"""How many there are, none left out."""

INFORMATIONAL = frozenset({"7.1.6", "7.13.1", "7.13.2"})
"""The cases where RFC 6455 leaves open what happens."""

_MISSING = "MISSING"

_SECTIONS = {
    "1": "framing",
    "2": "pings and pongs",
    "3": "reserved bits",
    "4": "opcodes",
    "5": "fragmentation",
    "6": "UTF-8",
    "7": "closing",
    "9": "long messages, many messages",
    "10": "fragmentation by the server",
    "12": "permessage-deflate",
    "13": "permessage-deflate, its parameters",
}
_COLUMNS = ("cases", "OK", "informational", "non-strict", "failed", "unclean")


class Outcome(NamedTuple):
    """One case, in the suite's words."""

    case: str
    behavior: str
    """How the client took the messages: `OK`, `NON-STRICT`, `INFORMATIONAL`, `FAILED`, ..."""
    close: str
    """How the connection was closed: `OK`, `INFORMATIONAL`, `UNCLEAN`, `WRONG CODE`, ..."""
    explanation: str = ""


def read_outcomes(reports: Path, agent: str, cases: Sequence[str]) -> list[Outcome]:
    """Return the outcome of each case, in order.

    Args:
        reports: the folder of the suite's reports.
        agent: the client's name there.
        cases: what was asked for; one that the suite has no result of is `MISSING`.
    """
    index = reports / "index.json"
    found = json.loads(index.read_text()).get(agent, {}) if index.exists() else {}
    outcomes = []
    for case in cases:
        if case not in found:
            outcomes.append(Outcome(case, _MISSING, _MISSING, "the suite has no result"))
            continue
        detail = json.loads((reports / found[case]["reportfile"]).read_text())
        explanation = (
            f"{detail['description']}\n"
            f"expected: {detail['expectation']}\n"
            f"result: {detail['result']}\n"
            f"closing: {detail['resultClose']}"
        )
        behavior, close = found[case]["behavior"], found[case]["behaviorClose"]
        outcomes.append(Outcome(case, behavior, close, explanation))
    return outcomes


def fault(outcome: Outcome) -> str | None:
    """Return what is wrong with an outcome, if anything."""
    wanted = "INFORMATIONAL" if outcome.case in INFORMATIONAL else "OK"
    faults = []
    if outcome.behavior != wanted:
        faults.append(f"is {outcome.behavior}, not {wanted}")
    if outcome.close != wanted:
        faults.append(f"closes {outcome.close}, not {wanted}")
    return " and ".join(faults) or None


def table(outcomes: Sequence[Outcome]) -> str:
    """Return how many cases of each section came out how."""
    sections = sorted({_section(outcome) for outcome in outcomes}, key=int)
    rows = [
        (f"{section:>2}  {_SECTIONS.get(section, '')}", _counts(outcomes, section))
        for section in sections
    ]
    rows.append(("all", _counts(outcomes)))
    lines = [" " * 38 + "".join(f"{column:>{_width(column)}}" for column in _COLUMNS)]
    for title, counts in rows:
        numbers = "".join(f"{counts[column]:>{_width(column)}}" for column in _COLUMNS)
        lines.append(f"{title:<38}{numbers}")
    return "\n".join(lines)


def _section(outcome: Outcome) -> str:
    return outcome.case.partition(".")[0]


def _width(column: str) -> int:
    return len(column) + 2


def _counts(outcomes: Sequence[Outcome], section: str | None = None) -> Mapping[str, int]:
    columns = {"OK": "OK", "INFORMATIONAL": "informational", "NON-STRICT": "non-strict"}
    counts: Counter[str] = Counter()
    for outcome in outcomes:
        if section in {None, _section(outcome)}:
            counts["cases"] += 1
            counts[columns.get(outcome.behavior, "failed")] += 1
            counts["unclean"] += outcome.close not in {"OK", "INFORMATIONAL"}
    return counts
