from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy, MultiDict, istr

from whimbrel import __version__
from whimbrel.fields import (
    LooseHeaders,
    SessionFields,
    automatic_fields,
    field_values,
    list_fields,
    without,
)
from whimbrel_http_parser import available_codings, decoder_for

AUTOMATIC = automatic_fields()
ACCEPT, ENCODING, AGENT = AUTOMATIC
TWICE = [("X-A", "1"), ("X-A", "2"), ("x-b", "3")]


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        (None, []),
        ({}, []),
        ({"A": "1", "B": "2"}, [("A", "1"), ("B", "2")]),
        (TWICE, TWICE),
        (tuple(TWICE), TWICE),
        (iter(TWICE), TWICE),
        (MultiDict(TWICE), TWICE),
        (CIMultiDict(TWICE), TWICE),
        (CIMultiDictProxy(CIMultiDict(TWICE)), TWICE),
        ({istr("Content-Type"): "x"}, [("Content-Type", "x")]),
        ([("X", "")], [("X", "")]),
    ],
)
def test_headers_come_in_many_shapes(
    headers: LooseHeaders | None, fields: list[tuple[str, str]]
) -> None:
    assert list_fields(headers) == fields


@pytest.mark.parametrize(
    "headers", [{"Content-Length": 5}, {"X": None}, {"X": b"1"}, {1: "x"}, [(b"X", "1")]]
)
def test_headers_are_text(headers: Any) -> None:
    with pytest.raises(TypeError, match="Header fields are text"):
        list_fields(headers)


def test_the_error_is_short() -> None:
    with pytest.raises(TypeError) as caught:
        list_fields({"X" * 10_000: 1})  # type: ignore[arg-type]  # on purpose
    assert len(str(caught.value)) < 200


def test_values_are_found_by_name_in_any_case() -> None:
    fields = [("Cookie", "a"), ("X", "y"), ("COOKIE", "b")]
    assert field_values(fields, "cookie") == ["a", "b"]
    assert field_values(fields, "host") == []
    assert without(fields, "cookie") == [("X", "y")]
    assert fields == [("Cookie", "a"), ("X", "y"), ("COOKIE", "b")]


def test_the_automatic_fields() -> None:
    assert [name for name, _ in AUTOMATIC] == ["Accept", "Accept-Encoding", "User-Agent"]
    assert __version__ in AGENT[1]


def test_exactly_what_can_be_decoded_is_accepted() -> None:
    assert ENCODING == ("Accept-Encoding", "gzip, deflate, br, zstd")
    assert ENCODING[1].split(", ") == [*available_codings()]
    for coding in ENCODING[1].split(", "):
        assert decoder_for([coding.encode()]) is not None


@pytest.mark.parametrize(
    ("session", "skip", "request_", "request_skip", "fields"),
    [
        (None, None, None, None, [ACCEPT, ENCODING, AGENT]),
        (None, ["user-AGENT"], None, None, [ACCEPT, ENCODING]),
        (None, ["accept", "accept-encoding", "user-agent"], None, None, []),
        (None, None, None, ["Accept-Encoding"], [ACCEPT, AGENT]),
        (None, ["Accept"], None, ["Accept-Encoding"], [AGENT]),
        (None, [istr("Accept")], None, [istr("User-Agent")], [ENCODING]),
        ({"accept": "x"}, None, None, None, [("accept", "x"), ENCODING, AGENT]),
        (None, None, {"ACCEPT": "y"}, None, [("ACCEPT", "y"), ENCODING, AGENT]),
        ({"Accept": "x"}, None, {"accept": "y"}, None, [("accept", "y"), ENCODING, AGENT]),
        ({"A": "1"}, None, {"B": "2"}, None, [("A", "1"), ("B", "2"), *AUTOMATIC]),
        (TWICE, None, {"x-a": "9"}, None, [("x-b", "3"), ("x-a", "9"), *AUTOMATIC]),
        ({"x-a": "9"}, None, TWICE, None, [*TWICE, *AUTOMATIC]),
        # Skipping is about the automatic ones only.
        ({"Accept": "x"}, ["Accept"], None, None, [("Accept", "x"), ENCODING, AGENT]),
        (None, None, {"Accept": "y"}, ["Accept"], [("Accept", "y"), ENCODING, AGENT]),
        (None, None, {}, [], [ACCEPT, ENCODING, AGENT]),
    ],
)
def test_fields_are_merged(
    session: LooseHeaders | None,
    skip: list[str] | None,
    request_: LooseHeaders | None,
    request_skip: list[str] | None,
    fields: list[tuple[str, str]],
) -> None:
    prepared = SessionFields(session, skip)
    for _ in range(2):
        assert prepared.merged(request_, request_skip) == fields


def test_what_is_merged_is_the_requests_own() -> None:
    prepared = SessionFields({"A": "1"}, None)
    prepared.merged(None, None).clear()
    prepared.merged({"B": "2"}, None).clear()
    assert prepared.merged(None, None) == [("A", "1"), *AUTOMATIC]


@pytest.mark.parametrize(
    ("skip", "request_skip", "skips"),
    [
        (None, None, False),
        (["Content-Type"], None, True),
        (None, ["CONTENT-TYPE"], True),
        (["Accept"], ["User-Agent"], False),
        (None, [], False),
    ],
)
def test_a_field_may_be_skipped_by_the_session_or_the_request(
    skip: list[str] | None, request_skip: list[str] | None, skips: bool
) -> None:
    assert SessionFields(None, skip).skips("content-type", request_skip) is skips
