import pytest

from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Event,
    Framing,
    InformationalResponse,
    Response,
    Signal,
    decode_headers,
)

RAW = ((b"Set-Cookie", b"a=1"), (b"X-Name", b"caf\xc3\xa9 \xff"), (b"set-cookie", b"b=2"))


def response(status: int = 200, length: int | None = 3) -> Response:
    return Response(status, "OK", (1, 1), RAW, Framing.LENGTH, length)


def test_headers_are_decoded_once_and_without_loss() -> None:
    event = response()
    assert event.headers is event.headers
    assert event.headers.getall("SET-COOKIE") == ["a=1", "b=2"]
    assert event.headers["x-name"] == "café \udcff"
    assert event.headers["x-name"].encode("utf-8", "surrogateescape") == RAW[1][1]


@pytest.mark.parametrize(
    ("name", "values"),
    [(b"set-cookie", [b"a=1", b"b=2"]), (b"x-name", [b"caf\xc3\xa9 \xff"]), (b"x", [])],
)
def test_values_finds_every_line_of_a_name(name: bytes, values: list[bytes]) -> None:
    assert response().values(name) == values
    assert InformationalResponse(103, "", (1, 1), RAW).values(name) == values


DIFFERENT: list[Event] = [
    response(),
    response(201),
    response(length=None),
    Response(200, "OK", (1, 1), RAW, Framing.CHUNKED, 3),
    Response(200, "OK", (1, 0), RAW, Framing.LENGTH, 3),
    Response(200, "", (1, 1), RAW, Framing.LENGTH, 3),
    Response(200, "OK", (1, 1), (), Framing.LENGTH, 3),
    InformationalResponse(100, "", (1, 1), ()),
    InformationalResponse(103, "", (1, 1), ()),
    InformationalResponse(103, "Early", (1, 1), ()),
    InformationalResponse(103, "", (1, 0), ()),
    InformationalResponse(103, "", (1, 1), RAW),
    Data(b"a"),
    Data(b"b"),
    Data(b"a", (1,)),
    EndOfMessage(),
    EndOfMessage(RAW),
]


def test_events_are_equal_only_to_their_like() -> None:
    for i, one in enumerate(DIFFERENT):
        for j, other in enumerate(DIFFERENT):
            assert (one == other) is (i == j)
        assert one != "something else"
    assert response() == response()
    assert Data(b"a", (1,)) == Data(b"a", (1,))


def test_a_repr_shows_the_content() -> None:
    assert repr(Data(b"a", (1,))) == "Data(b'a', (1,))"
    assert repr(EndOfMessage()) == "EndOfMessage(())"
    assert repr(InformationalResponse(100, "", (1, 1), ())) == (
        "InformationalResponse(100, '', (1, 1), ())"
    )
    event = Response(200, "OK", (1, 1), (), Framing.NONE, None)
    assert repr(event) == "Response(200, 'OK', (1, 1), (), Framing.NONE, None)"


def test_signals_are_the_members_of_an_enum() -> None:
    assert NEED_DATA is Signal.NEED_DATA
    assert PAUSED is Signal.PAUSED


def test_field_lines_are_decoded_without_loss() -> None:
    headers = decode_headers(((b"X-A", b"1"), (b"x-a", "ü".encode()), (b"X-B", b"\xff")))
    assert headers.getall("X-a") == ["1", "ü"]
    assert headers["x-b"].encode("utf-8", "surrogateescape") == b"\xff"
