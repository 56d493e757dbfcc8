"""The vectors of data/responses.toml and data/requests.toml, fed in every way."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from whimbrel_http_parser import (
    DEFAULT_LIMITS,
    Data,
    EndOfMessage,
    Event,
    IncompleteMessage,
    InformationalResponse,
    Leniency,
    LimitExceeded,
    Limits,
    MalformedMessage,
    ProtocolError,
    RawHeaders,
    Request,
    RequestReader,
    Response,
    ResponseReader,
)
from whimbrel_http_parser.testing import Feeding, feed, feed_every_way

Vector = dict[str, Any]
Reader = RequestReader | ResponseReader

KEYS = {
    "id", "clause", "note", "method", "leniency", "limits", "eof", "input", "events", "waits",
    "error", "status_hint", "trailing", "close",
}  # fmt: skip


def load(role: str) -> list[tuple[str, Vector]]:
    path = Path(__file__).parent / "data" / f"{role}s.toml"
    return [(role, vector) for vector in tomllib.loads(path.read_text("ascii"))["vector"]]


VECTORS = load("response") + load("request")
COMPLETE = [
    (role, vector)
    for role, vector in VECTORS
    if not vector.get("waits") and "error" not in vector and not vector.get("eof")
]


def names(vectors: list[tuple[str, Vector]]) -> list[str]:
    return [f"{role}-{vector['id']}" for role, vector in vectors]


def bytes_of(text: str) -> bytes:
    return text.encode("latin-1")


def text_of(data: bytes) -> str:
    return data.decode("latin-1")


def reader_for(role: str, vector: Vector) -> Reader:
    limits = Limits(**vector["limits"]) if "limits" in vector else DEFAULT_LIMITS
    leniency = Leniency(**vector.get("leniency", {}))
    if role == "request":
        return RequestReader(limits=limits, leniency=leniency)
    return ResponseReader(vector.get("method", "GET"), limits=limits, leniency=leniency)


def transcript(events: list[Event]) -> list[str]:
    """Write `events` as the vectors do."""
    lines: list[str] = []
    for event in events:
        if isinstance(event, Data):
            lines.append("DATA " + text_of(event.data))
            if event.chunk_ends:
                lines.append("  chunks end at " + ", ".join(map(str, event.chunk_ends)))
        elif isinstance(event, EndOfMessage):
            lines += ["END", *field_lines(event.trailers)]
        else:
            lines += [start_of(event), *field_lines(event.raw_headers)]
    return lines


def start_of(event: InformationalResponse | Request | Response) -> str:
    version = "HTTP/{}.{}".format(*event.version)
    if isinstance(event, Request):
        start = f"{event.method} {event.target} {version}"
    else:
        reason = text_of(event.reason.encode("utf-8", "surrogateescape"))
        start = f"{version} {event.status} {reason}"
        if isinstance(event, InformationalResponse):
            return start
    length = "" if event.content_length is None else f" {event.content_length}"
    return f"{start} -> {event.framing.name}{length}"


def field_lines(fields: RawHeaders) -> list[str]:
    return [f"  {text_of(name)}: {text_of(value)}" for name, value in fields]


def error_text(error: ProtocolError | None) -> str | None:
    """Write `error` as the vectors do."""
    if error is None:
        return None
    if isinstance(error, MalformedMessage):
        return f"malformed: {error.what}"
    if isinstance(error, LimitExceeded):
        return f"limit: {error.limit}"
    assert isinstance(error, IncompleteMessage)
    if not error.started:
        return "incomplete: nothing came"
    of = "" if error.expected is None else f" of {error.expected}"
    return f"incomplete: {error.part} {error.received}{of}"


def check(role: str, vector: Vector, feeding: Feeding, trailing: bytes = b"") -> None:
    assert error_text(feeding.error) == vector.get("error"), feeding
    assert transcript(feeding.events) == vector["events"], feeding
    assert feeding.paused == ("error" not in vector and not vector.get("waits", False)), feeding
    assert feeding.trailing_data == bytes_of(vector.get("trailing", "")) + trailing, feeding
    if isinstance(feeding.error, MalformedMessage):
        assert feeding.error.status_hint == vector.get("status_hint", 400)


@pytest.mark.parametrize(("role", "vector"), VECTORS, ids=names(VECTORS))
def test_a_vector_however_it_comes(role: str, vector: Vector) -> None:
    data = bytes_of(vector["input"])
    eof = vector.get("eof", False)
    if not data:
        check(role, vector, feed("nothing", [], reader_for(role, vector), eof=eof))
        return
    for feeding in feed_every_way(data, lambda: reader_for(role, vector), eof=eof):
        check(role, vector, feeding)


@pytest.mark.parametrize("trailing", [b"\r\n", b"HTTP/1.1 200 OK\r\n\r\nGET / HTTP/1.1\r\n\x00"])
@pytest.mark.parametrize(("role", "vector"), COMPLETE, ids=names(COMPLETE))
def test_what_is_behind_a_message_changes_nothing(
    role: str, vector: Vector, trailing: bytes
) -> None:
    message = bytes_of(vector["input"])
    data = message + trailing
    single = [data[i : i + 1] for i in range(len(data))]
    for pieces in ([data], single, [message, trailing], [data[:-1], data[-1:]]):
        check(role, vector, feed("with more", pieces, reader_for(role, vector)), trailing)


@pytest.mark.parametrize(("role", "vector"), VECTORS, ids=names(VECTORS))
def test_whether_the_connection_can_be_used_again(role: str, vector: Vector) -> None:
    reader = reader_for(role, vector)
    data = bytes_of(vector["input"])
    feeding = feed("whole", [data] if data else [], reader, eof=vector.get("eof", False))
    if feeding.error is not None:
        assert reader.close_reason == f"the {role} is broken: {feeding.error}"
    elif not feeding.paused:
        assert reader.close_reason == f"the {role} is not complete"
    elif "END" in vector["events"]:
        assert reader.close_reason == vector.get("close")
    else:
        switched = {
            "request": "the request asked for a tunnel",
            "response": "the protocol was switched",
        }
        assert reader.close_reason == switched[role]


def test_the_tables_are_well_formed() -> None:
    for role in ("response", "request"):
        vectors = [vector for of, vector in VECTORS if of == role]
        ids = [vector["id"] for vector in vectors]
        assert len(ids) == len(set(ids))
        given = ("method", "leniency", "limits", "eof", "input")
        assert len({str([vector.get(key) for key in given]) for vector in vectors}) == len(ids)
        for vector in vectors:
            assert set(vector) <= KEYS, vector["id"]
            assert re.fullmatch(r"RFC \d+, \d+(\.\d+)*( step \d)?", vector["clause"]), vector["id"]
