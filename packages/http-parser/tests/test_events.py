import copy
import pickle

import pytest

from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Event,
    Framing,
    InformationalResponse,
    RawHeaders,
    Request,
    RequestReader,
    Response,
    ResponseReader,
    Signal,
    decode_headers,
)

RAW = ((b"Set-Cookie", b"a=1"), (b"X-Name", b"caf\xc3\xa9 \xff"), (b"set-cookie", b"b=2"))


def response(status: int = 200, length: int | None = 3) -> Response:
    return Response(status, "OK", (1, 1), RAW, Framing.LENGTH, length)


def request(
    *,
    method: str = "PUT",
    target: str = "/",
    version: tuple[int, int] = (1, 1),
    raw_headers: RawHeaders = RAW,
    framing: Framing = Framing.LENGTH,
    length: int | None = 3,
) -> Request:
    return Request(method, target, version, raw_headers, framing, length)


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
    assert request().values(name) == values
    assert InformationalResponse(103, "", (1, 1), RAW).values(name) == values


DIFFERENT: list[Event] = [
    response(),
    response(201),
    response(length=None),
    Response(200, "OK", (1, 1), RAW, Framing.CHUNKED, 3),
    Response(200, "OK", (1, 0), RAW, Framing.LENGTH, 3),
    Response(200, "", (1, 1), RAW, Framing.LENGTH, 3),
    Response(200, "OK", (1, 1), (), Framing.LENGTH, 3),
    request(),
    request(method="put"),
    request(target="/a"),
    request(version=(1, 0)),
    request(raw_headers=()),
    request(raw_headers=((b"set-cookie", b"a=1"), *RAW[1:])),
    request(framing=Framing.CHUNKED),
    request(length=4),
    request(length=None),
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
    assert request() == request()
    assert Data(b"a", (1,)) == Data(b"a", (1,))
    assert EndOfMessage(RAW) == EndOfMessage(RAW)


def test_an_event_that_was_read_is_equal_to_one_that_was_made() -> None:
    # The readers' own hold the field lines in another form, until somebody looks at them.
    reader = RequestReader()
    reader.receive_data(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length:3\r\n\r\n")
    raw_headers = ((b"Host", b"a"), (b"Content-Length", b"3"))
    assert reader.next_event() == request(raw_headers=raw_headers)
    client = ResponseReader()
    client.receive_data(b"HTTP/1.1 103 \r\nLink: </a>\r\n\r\nHTTP/1.1 204 OK\r\nA: b\r\n\r\n")
    assert client.next_event() == InformationalResponse(103, "", (1, 1), ((b"Link", b"</a>"),))
    final = Response(204, "OK", (1, 1), ((b"A", b"b"),), Framing.NONE, None)
    assert client.next_event() == final


@pytest.mark.parametrize("event", DIFFERENT, ids=repr)
def test_events_are_copied_and_pickled(event: Event) -> None:
    for other in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):
        assert type(other) is type(event)
        assert other == event
        assert other is not event


def test_an_event_that_was_read_is_pickled_whether_somebody_looked_at_it_or_not() -> None:
    data = b"HTTP/1.1 200 OK\r\nA: b\r\na:c \r\nContent-Length: 0\r\n\r\n"
    for looked_at in (False, True):
        reader = ResponseReader()
        reader.receive_data(data)
        event = reader.next_event()
        assert isinstance(event, Response)
        if looked_at:
            assert event.headers.getall("a") == ["b", "c"]
            assert event.values(b"a") == [b"b", b"c"]
        other = pickle.loads(pickle.dumps(event))
        assert other == event
        assert other.headers == event.headers
        assert other.values(b"A") == [b"b", b"c"]


@pytest.mark.parametrize("event", [response(), request(), Data(b"a"), EndOfMessage()])
def test_an_event_can_be_changed_and_so_cannot_be_a_key(event: Event) -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(event)


def test_a_repr_shows_the_content() -> None:
    assert repr(Data(b"a", (1,))) == "Data(b'a', (1,))"
    assert repr(EndOfMessage()) == "EndOfMessage(())"
    assert repr(InformationalResponse(100, "", (1, 1), ())) == (
        "InformationalResponse(100, '', (1, 1), ())"
    )
    event = Response(200, "OK", (1, 1), (), Framing.NONE, None)
    assert repr(event) == "Response(200, 'OK', (1, 1), (), Framing.NONE, None)"
    raw_headers = ((b"Host", b"a"),)
    assert repr(request(method="GET", target="*", version=(1, 0), raw_headers=raw_headers)) == (
        "Request('GET', '*', (1, 0), ((b'Host', b'a'),), Framing.LENGTH, 3)"
    )
    names = {"Framing": Framing, "Request": Request, "Response": Response}
    for head in (request(), response()):
        assert eval(repr(head), names) == head


def test_signals_are_the_members_of_an_enum() -> None:
    assert NEED_DATA is Signal.NEED_DATA
    assert PAUSED is Signal.PAUSED


def test_field_lines_are_decoded_without_loss() -> None:
    headers = decode_headers(((b"X-A", b"1"), (b"x-a", "ü".encode()), (b"X-B", b"\xff")))
    assert headers.getall("X-a") == ["1", "ü"]
    assert headers["x-b"].encode("utf-8", "surrogateescape") == b"\xff"
