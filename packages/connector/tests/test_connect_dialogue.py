from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from whimbrel_connector import Proxy
from whimbrel_connector._connect_dialogue import MAX_BODY, ConnectDialogue
from whimbrel_http_parser import ProtocolError


def dialogue(
    host: str = "example.org", port: int = 443, authorization: str | None = None, headers: Any = ()
) -> Any:
    return ConnectDialogue(host, port, Proxy(URL("http://proxy:1"), authorization, headers))


def whole(data: bytes) -> Any:
    return [data]


def byte_by_byte(data: bytes) -> Any:
    return [data[i : i + 1] for i in range(len(data))]


FEEDS = pytest.mark.parametrize("split", [whole, byte_by_byte])


def lines(request: bytes) -> Any:
    assert request.endswith(b"\r\n\r\n")
    return request[:-4].split(b"\r\n")


def test_request_names_the_host_and_nothing_else() -> None:
    assert lines(dialogue().opening) == [
        b"CONNECT example.org:443 HTTP/1.1",
        b"Host: example.org:443",
    ]


def test_request_has_what_is_for_the_proxy() -> None:
    headers = (("X-A", "1"), ("host", "evil"), ("proxy-authorization", "old"))
    request = dialogue("::1", 8443, "Basic Og==", headers).opening
    assert lines(request) == [
        b"CONNECT [::1]:8443 HTTP/1.1",
        b"Host: [::1]:8443",
        b"X-A: 1",
        b"Proxy-Authorization: Basic Og==",
    ]


@pytest.mark.parametrize(
    "options",
    [
        {"host": "example.org\r\nX: y"},
        {"host": "exa mple.org"},
        {"authorization": "Basic\r\nX: y"},
        {"headers": (("X-A", "1\nX: y"),)},
        {"headers": (("X A", "1"),)},
    ],
)
def test_nothing_can_be_injected(options: Any) -> None:
    with pytest.raises((ProtocolError, ValueError)):
        dialogue(**options)


@FEEDS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 Connection established\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nVia: x\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ],
)
def test_any_2xx_opens_the_tunnel(split: Any, answer: bytes) -> None:
    talk = dialogue()
    for data in split(answer):
        assert not talk.finished
        talk.receive_data(data)
    assert talk.finished
    assert talk.accepted


@pytest.mark.parametrize("together", [True, False])
def test_data_behind_the_acceptance_is_refused(together: bool) -> None:
    talk = dialogue()
    parts = [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\n"]
    if not together:
        assert talk.receive_data(parts.pop(0)) == b""
        assert talk.accepted
    for _ in range(2):  # nor later
        with pytest.raises(ProtocolError, match="before the tunnel was used"):
            talk.receive_data(b"".join(parts))
        assert talk.finished
        assert not talk.accepted
        assert talk.refusal is None


@FEEDS
@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nname",
        b"HTTP/1.1 502 Who\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nname\r\n0\r\n\r\n",
    ],
)
def test_refusal_is_kept_with_its_content(split: Any, answer: bytes) -> None:
    talk = dialogue()
    for data in split(answer):
        assert not talk.finished
        talk.receive_data(data)
    assert talk.finished
    assert not talk.accepted
    assert talk.response.reason == "Who"
    assert talk.refusal == (talk.response.status, "Who")
    assert talk.body == b"name"


def test_refusal_ends_with_the_connection() -> None:
    talk = dialogue()
    talk.receive_data(b"HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\nsorry")
    assert not talk.finished
    talk.receive_eof()
    assert talk.finished
    assert talk.body == b"sorry"


@pytest.mark.parametrize("framing", [b"Content-Length: 9\r\n\r\nna", b"Content-Length: 9\r\n\r\n"])
def test_refusal_with_half_its_content_is_one(framing: bytes) -> None:
    talk = dialogue()
    talk.receive_data(b"HTTP/1.1 407 Who\r\n" + framing)
    talk.receive_eof()
    assert talk.finished
    assert talk.response.status == 407


def test_content_of_a_refusal_is_bounded() -> None:
    talk = dialogue()
    talk.receive_data(b"HTTP/1.1 502 Bad\r\n\r\n")
    while not talk.finished:
        talk.receive_data(b"x" * 10_000)
    talk.receive_data(b"more")
    talk.receive_eof()
    assert len(talk.body) == MAX_BODY


@FEEDS
@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nA b\r\n\r\n"],
)
def test_rubbish_is_an_error(split: Any, answer: bytes) -> None:
    talk = dialogue()

    def feed() -> None:
        for data in split(answer):
            talk.receive_data(data)

    with pytest.raises(ProtocolError):
        feed()


@FEEDS
@pytest.mark.parametrize("trailing", [b"", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_another_protocol_is_no_tunnel(split: Any, trailing: bytes) -> None:
    talk = dialogue()
    answer = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"

    def feed(data: bytes) -> None:
        for part in split(data):
            talk.receive_data(part)

    with pytest.raises(ProtocolError, match="101"):
        feed(answer + trailing)
    feed(trailing)
    talk.receive_eof()
    assert talk.finished
    assert not talk.accepted
    assert talk.refusal is None


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nA: b"])
def test_end_before_the_answer_is_an_error(answer: bytes) -> None:
    talk = dialogue()
    if answer:
        talk.receive_data(answer)
    with pytest.raises(ProtocolError):
        talk.receive_eof()
