"""Every difference from h11 and httptools, over the vectors and the corpus, and why it is one.

The table is data/differences.toml, the vectors are those of test_vectors.py as far as they are
about the strict readers, and the corpus is what fuzzing left. A difference that no rule explains
fails, as does a rule that explains nothing.
"""

import functools
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import h11
import httptools
import pytest

from whimbrel_http_parser import (
    Data,
    EndOfMessage,
    IncompleteMessage,
    InformationalResponse,
    Leniency,
    Request,
    RequestReader,
    Response,
    ResponseReader,
)
from whimbrel_http_parser.testing import feed, feed_every_way

DATA = Path(__file__).parent / "data"
README = Path(__file__).parents[1] / "README.md"

Fields = tuple[tuple[bytes, bytes], ...]
Rule = dict[str, Any]


class Input(NamedTuple):
    """A stream of bytes, and what a reader must know to read it."""

    id: str
    role: str
    method: str
    data: bytes
    eof: bool


@dataclass(slots=True)
class Outcome:
    """What a parser made of the first message of a stream."""

    verdict: str = "waits"
    """Or "takes": the message is complete; or "refuses": then nothing else is compared."""
    informational: list[tuple[int, Fields]] = field(default_factory=list)
    start: tuple[object, ...] = ()
    fields: Fields = ()
    content: bytes = b""
    trailers: Fields = ()
    trailing: bytes = b""
    why: str = field(default="", compare=False)
    """The error."""


def refused(why: object) -> Outcome:
    return Outcome("refuses", why=str(why))


def normal(fields: Iterable[tuple[bytes, bytes]]) -> Fields:
    return tuple((bytes(name).lower(), bytes(value).strip(b" \t")) for name, value in fields)


def read_here(given: Input) -> Outcome:
    """Read with what is tested."""
    is_request = given.role == "request"
    reader = RequestReader() if is_request else ResponseReader(given.method)
    feeding = feed("whole", [given.data], reader, eof=given.eof)
    if feeding.error is not None and not isinstance(feeding.error, IncompleteMessage):
        return refused(feeding.error)
    outcome = Outcome("takes" if feeding.paused else "waits", trailing=feeding.trailing_data)
    for event in feeding.events:
        if isinstance(event, InformationalResponse):
            outcome.informational.append((event.status, normal(event.raw_headers)))
        elif isinstance(event, Response):
            reason = event.reason.encode("utf-8", "surrogateescape")
            outcome.start = (event.version, event.status, reason)
        elif isinstance(event, Request):
            outcome.start = (event.version, event.method.encode(), event.target.encode())
        elif isinstance(event, Data):
            outcome.content += event.data
        elif isinstance(event, EndOfMessage):
            outcome.trailers = normal(event.trailers)
        if isinstance(event, Response | Request):
            outcome.fields = normal(event.raw_headers)
    return outcome


def read_by_h11(given: Input) -> Outcome:
    """Read with h11: a server for requests, a client that has sent one for responses."""
    if given.role == "request":
        connection = h11.Connection(h11.SERVER)
    else:
        connection = h11.Connection(h11.CLIENT)
        offer = [("Connection", "Upgrade"), ("Upgrade", "x")] if given.method != "CONNECT" else []
        connection.send(
            h11.Request(method=given.method, target="a:1", headers=[("Host", "a"), *offer])
        )
        connection.send(h11.EndOfMessage())
    outcome = Outcome()
    try:
        connection.receive_data(given.data)
        drain_h11(connection, outcome)
    except h11.RemoteProtocolError as error:
        return refused(error)
    if given.eof and outcome.verdict == "waits":
        try:
            connection.receive_data(b"")
            drain_h11(connection, outcome)
        except h11.RemoteProtocolError:  # as it calls an incomplete message, too
            return outcome
    if outcome.verdict == "takes":
        outcome.trailing = connection.trailing_data[0]
    return outcome


def drain_h11(connection: h11.Connection, outcome: Outcome) -> None:
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA or isinstance(event, h11.ConnectionClosed):
            return
        if event is h11.PAUSED:
            outcome.verdict = "takes"
            return
        if isinstance(event, h11.InformationalResponse) and event.status_code != 101:
            outcome.informational.append((event.status_code, raw_items(event)))
        elif isinstance(event, h11.Response | h11.InformationalResponse):
            outcome.start = (version_of(event.http_version), event.status_code, bytes(event.reason))
            outcome.fields = raw_items(event)
        elif isinstance(event, h11.Request):
            version = version_of(event.http_version)
            outcome.start = (version, bytes(event.method), bytes(event.target))
            outcome.fields = raw_items(event)
        elif isinstance(event, h11.Data):
            outcome.content += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            outcome.trailers = raw_items(event)
            outcome.verdict = "takes"
            return


def raw_items(
    event: h11.Request | h11.Response | h11.InformationalResponse | h11.EndOfMessage,
) -> Fields:
    return normal(event.headers.raw_items())


def version_of(text: bytes | str) -> tuple[int, int]:
    major, minor = text.split(b"." if isinstance(text, bytes) else ".")  # type: ignore[arg-type]  # one type
    return int(major), int(minor)


class HttptoolsCallbacks:
    """Puts together what httptools calls back."""

    def __init__(self, role: str) -> None:
        self.outcome = Outcome()
        self.complete = False
        make = httptools.HttpRequestParser if role == "request" else httptools.HttpResponseParser
        self.parser: Any = make(self)
        self._is_request = role == "request"
        self._begin()

    def _begin(self) -> None:
        self._text = b""  # the target or the reason
        self._fields: list[tuple[bytes, bytes]] = []
        self._in_head = True

    def on_url(self, text: bytes) -> None:
        self._text += text

    def on_status(self, text: bytes) -> None:
        self._text += text

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        parser, outcome = self.parser, self.outcome
        version = version_of(parser.get_http_version())
        if self._is_request:
            outcome.start = (version, parser.get_method(), self._text)
        else:
            outcome.start = (version, parser.get_status_code(), self._text)
        outcome.fields = normal(self._fields)
        self._fields = []

    def on_body(self, data: bytes) -> None:
        self.outcome.content += data

    def on_message_complete(self) -> None:
        outcome = self.outcome
        status = 0 if self._is_request else self.parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            outcome.informational.append((status, outcome.fields))
            outcome.start = outcome.fields = ()
            self._begin()
        else:
            outcome.trailers = normal(self._fields)
            self.complete = True


def read_by_httptools(given: Input) -> Outcome:
    """Read with httptools, bytewise: it does not say where in a piece the message ended.

    It cannot be told the method of a request, nor that the stream ended.
    """
    callbacks = HttptoolsCallbacks(given.role)
    outcome = callbacks.outcome
    for end in range(1, len(given.data) + 1):
        try:
            callbacks.parser.feed_data(given.data[end - 1 : end])
        except httptools.HttpParserUpgrade:
            callbacks.complete = True
        except httptools.HttpParserError as error:
            return refused(error)
        if callbacks.complete:
            outcome.verdict = "takes"
            outcome.trailing = given.data[end:]
            break
    return outcome


PEERS: dict[str, Callable[[Input], Outcome]] = {
    "h11": read_by_h11,
    "httptools": read_by_httptools,
}


class Difference(NamedTuple):
    """What is read otherwise here and there."""

    input: Input
    ours: Outcome
    theirs: Outcome


def difference(peer: str, given: Input) -> Difference | None:
    """Compare what the readers and `peer` make of an input."""
    if peer == "httptools":
        given = given._replace(eof=False)
    ours, theirs = read_here(given), PEERS[peer](given)
    if {ours.verdict, theirs.verdict} == {"waits", "refuses"}:
        # One says so sooner than the other. If both do once the line is whole, they agree.
        longer = given._replace(data=given.data + b"\r\n\r\n")
        later = read_here(longer), PEERS[peer](longer)
        if all(outcome.verdict == "refuses" for outcome in later):
            ours, theirs = later
    return None if ours == theirs else Difference(given, ours, theirs)


RULES: list[Rule] = tomllib.loads((DATA / "differences.toml").read_text("ascii"))["rule"]


def explains(rule: Rule, peer: str, found: Difference) -> bool:
    """Tell whether `rule` is about what was found."""
    given, ours, theirs = found
    here, there = (
        "refuses" if outcome.verdict == "refuses" else "takes" for outcome in (ours, theirs)
    )
    if here == there:
        there = "differs"
    error = ours.why if here == "refuses" else theirs.why
    return (
        rule["ours"] in {"reads", here}
        and rule.get(peer) in {"differs", there}
        and rule.get("role", given.role) == given.role
        and given.method in rule.get("methods", [given.method])
        and any(error.startswith(because) for because in rule.get("because", [""]))
        and re.search(rule.get("pattern", ""), given.data.decode("latin-1")) is not None
    )


def explanation(peer: str, found: Difference) -> str:
    """Name the first rule that explains what was found."""
    for rule in RULES:
        if explains(rule, peer, found):
            return str(rule["id"])
    given, ours, theirs = found
    return f"NOTHING EXPLAINS {peer}: {given}\n  here: {ours}\n  there: {theirs}"


def vectors() -> Iterator[Input]:
    for role in ("response", "request"):
        for vector in tomllib.loads((DATA / f"{role}s.toml").read_text("ascii"))["vector"]:
            if vector["input"] and "leniency" not in vector and "limits" not in vector:
                yield Input(
                    f"{role}-{vector['id']}",
                    role,
                    vector.get("method", "GET"),
                    vector["input"].encode("latin-1"),
                    vector.get("eof", False),
                )


def corpus() -> Iterator[Input]:
    lines = (DATA / "corpus.txt").read_text("ascii").splitlines()
    for number, line in enumerate(lines, 1):
        if not line.startswith("#"):
            role, method, end, text = line.split(" ", 3)
            data = json.loads(text).encode("latin-1")
            yield Input(f"line {number}", role, method, data, end == "eof")


@functools.cache
def explained(peer: str, source: Callable[[], Iterator[Input]]) -> dict[str, list[str]]:
    """Return the inputs that are read otherwise, by the rules that explain them."""
    by_rule: dict[str, list[str]] = {}
    for given in source():
        found = difference(peer, given)
        if found is not None:
            by_rule.setdefault(explanation(peer, found), []).append(given.id)
    return by_rule


@pytest.mark.parametrize("peer", PEERS)
def test_every_vector_that_is_read_otherwise_is_listed(peer: str) -> None:
    listed = {
        rule["id"]: rule["vectors"][peer] for rule in RULES if peer in rule.get("vectors", {})
    }
    assert explained(peer, vectors) == listed


@pytest.mark.parametrize("peer", PEERS)
def test_every_input_of_the_corpus_that_is_read_otherwise_is_explained(peer: str) -> None:
    assert set(explained(peer, corpus)) <= {rule["id"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_each_rule_explains_something(rule: Rule) -> None:
    for peer in PEERS:
        explains_some = rule["id"] in explained(peer, vectors) or rule["id"] in explained(
            peer, corpus
        )
        assert explains_some == (peer in rule), peer
    assert rule["ours"] in {"takes", "refuses", "reads"}
    assert {rule[peer] for peer in PEERS if peer in rule} <= {"takes", "refuses", "differs"}
    assert re.fullmatch(r"RFC \d+, \d+(\.\d+)*( steps? \d( and \d)?)?", rule["clause"])


@pytest.mark.parametrize("leniency", [Leniency(), Leniency(bare_lf=True, obs_fold=True)])
def test_the_corpus_however_it_comes(leniency: Leniency) -> None:
    for given in corpus():

        def make(given: Input = given) -> RequestReader | ResponseReader:
            if given.role == "request":
                return RequestReader(leniency=leniency)
            return ResponseReader(given.method, leniency=leniency)

        outcomes = [way.outcome for way in feed_every_way(given.data, make, eof=given.eof)]
        assert all(outcome == outcomes[0] for outcome in outcomes), given


def readme_rows() -> list[str]:
    """Return the table as the README has it, in the order of the sections."""

    def place(rule: Rule) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", rule["clause"])]

    return [
        "| {} | {} | {} | {} | {} |".format(
            rule["what"],
            rule["ours"],
            rule.get("h11", ""),
            rule.get("httptools", ""),
            rule["clause"].removeprefix("RFC "),
        )
        for rule in sorted(RULES, key=place)
    ]


def test_the_readme_has_the_table() -> None:
    assert "\n".join(readme_rows()) in README.read_text("utf-8")
