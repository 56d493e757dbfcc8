from __future__ import annotations

import pickle
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_connector._socks import (
    SCHEMES,
    SocksDialogue,
    SocksProtocolError,
    check_credentials,
)

GRANTED4 = b"\x00\x5a\x00\x50\x7f\x00\x00\x01"
NO_AUTHENTICATION = b"\x05\x00"
USERNAME_PASSWORD = b"\x05\x02"
WELCOME = b"\x01\x00"
SUCCEEDED = b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x50"
PAIR = ("bird", "wader")
LONGEST_KEPT = 256


def socks5(credentials: Any = None, host: str = "example.org", port: int = 443) -> Any:
    return SocksDialogue("socks5h", host, port, credentials)


def socks4(credentials: Any = None, host: str = "192.0.2.7", port: int = 443) -> Any:
    return SocksDialogue("socks4", host, port, credentials)


def whole(data: bytes) -> Any:
    return [data]


def byte_by_byte(data: bytes) -> Any:
    return [data[i : i + 1] for i in range(len(data))]


FEEDS = pytest.mark.parametrize("split", [whole, byte_by_byte])


def feed(talk: Any, split: Any, answer: bytes) -> bytes:
    """Feed one answer, and return what is said to it, which must be at its end only."""
    said = b""
    for data in split(answer):
        assert not talk.finished
        assert said == b""
        said = talk.receive_data(data)
    return said


# What is said


@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
def test_socks4_says_port_address_and_user(scheme: str) -> None:
    talk = SocksDialogue(scheme, "192.0.2.7", 443, ("bird", ""))
    assert talk.opening == b"\x04\x01\x01\xbb\xc0\x00\x02\x07bird\x00"


def test_socks4_without_credentials_names_no_user() -> None:
    assert socks4(port=80).opening == b"\x04\x01\x00\x50\xc0\x00\x02\x07\x00"


def test_socks4a_says_the_name_behind_the_user() -> None:
    talk = SocksDialogue("socks4a", "example.org", 80, ("bird", ""))
    assert talk.opening == b"\x04\x01\x00\x50\x00\x00\x00\x01bird\x00example.org\x00"


def test_without_credentials_no_method_for_them_is_offered() -> None:
    assert socks5().opening == b"\x05\x01\x00"


def test_with_credentials_the_proxy_may_still_do_without_them() -> None:
    talk = socks5(PAIR)
    assert talk.opening == b"\x05\x02\x00\x02"
    assert b"wader" not in talk.receive_data(NO_AUTHENTICATION)


@FEEDS
def test_credentials_are_said_when_asked_for(split: Any) -> None:
    talk = socks5(("bird", "wäder"))
    assert feed(talk, split, USERNAME_PASSWORD) == b"\x01\x04bird\x06w\xc3\xa4der"
    assert feed(talk, split, WELCOME)[:3] == b"\x05\x01\x00"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.7", b"\x01\xc0\x00\x02\x07"),
        ("2001:db8::1", b"\x04\x20\x01\x0d\xb8" + bytes(11) + b"\x01"),
        ("::ffff:192.0.2.7", b"\x04" + bytes(10) + b"\xff\xff\xc0\x00\x02\x07"),
    ],
)
def test_socks5_says_an_address_as_one(scheme: str, host: str, said: bytes) -> None:
    talk = SocksDialogue(scheme, host, 443)
    assert talk.receive_data(NO_AUTHENTICATION) == b"\x05\x01\x00" + said + b"\x01\xbb"


@pytest.mark.parametrize(
    "host", ["example.org", "xn--bcher-kva.example", "a_b", "127.1", "example.org.", "x" * 255]
)
def test_socks5h_says_a_name_as_it_is(host: str) -> None:
    request = socks5(host=host, port=65535).receive_data(NO_AUTHENTICATION)
    assert request == b"\x05\x01\x00\x03" + bytes([len(host)]) + host.encode() + b"\xff\xff"


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize(
    "host",
    [
        "",
        "x" * 256,
        "example.org\0",
        "exa mple.org",
        "example.org\r\n",
        "b\xfccher.example",
        "\uff11.2.3.4",
        "fe80::1%eth0",
    ],
)
def test_hosts_that_cannot_be_said(scheme: str, host: str) -> None:
    with pytest.raises(SocksProtocolError) as caught:
        SocksDialogue(scheme, host, 443)
    assert len(str(caught.value)) < 200
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("scheme", ["socks4", "socks5"])
def test_a_name_is_not_left_to_a_proxy_that_is_to_get_addresses(scheme: str) -> None:
    with pytest.raises(SocksProtocolError, match=r"takes an IP address.*'example\.org'"):
        SocksDialogue(scheme, "example.org", 443)


@pytest.mark.parametrize("scheme", ["socks4", "socks4a"])
@pytest.mark.parametrize("host", ["::1", "::ffff:192.0.2.7", "0.0.0.1", "0.0.0.255"])
def test_addresses_that_socks4_cannot_say(scheme: str, host: str) -> None:
    with pytest.raises(SocksProtocolError, match="SOCKS4 cannot say"):
        SocksDialogue(scheme, host, 443)


@pytest.mark.parametrize("host", ["0.0.0.0", "0.0.1.0", "0.1.0.1", "1.0.0.1"])
def test_addresses_that_only_look_like_the_mark_of_a_name(host: str) -> None:
    assert socks4(host=host).opening[4:8] == IPv4Address(host).packed


@pytest.mark.parametrize("scheme", sorted(SCHEMES))
@pytest.mark.parametrize("port", [-1, 0, 65536])
def test_ports_that_there_are_not(scheme: str, port: int) -> None:
    with pytest.raises(SocksProtocolError, match=f"port {port}"):
        SocksDialogue(scheme, "192.0.2.7", port)


@pytest.mark.parametrize("scheme", ["http", "socks", "SOCKS5", "socks5" * 100])
def test_schemes_that_are_not_socks(scheme: str) -> None:
    with pytest.raises(SocksProtocolError, match="scheme") as caught:
        SocksDialogue(scheme, "192.0.2.7", 443)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("scheme", "credentials"),
    [
        ("socks4", None),
        ("socks4a", ("u", "")),
        ("socks4", ("u" * 255, "")),
        ("socks5", None),
        ("socks5", ("u", "p")),
        ("socks5h", ("\xe9" * 127, "p" * 255)),
    ],
)
def test_credentials_that_can_be_given(scheme: str, credentials: Any) -> None:
    check_credentials(scheme, credentials)
    SocksDialogue(scheme, "192.0.2.7", 443, credentials)


@pytest.mark.parametrize(
    ("scheme", "credentials", "why"),
    [
        ("socks4", ("", ""), "1 to 255 octets, not 0"),
        ("socks4", ("secret" * 50, ""), "1 to 255 octets, not 300"),
        ("socks4", ("user", "secret"), "no passwords"),
        ("socks4a", ("se\0cret", ""), "NUL"),
        ("socks5", ("", "secret"), "user name .* not 0"),
        ("socks5", ("secret", ""), "password .* not 0"),
        ("socks5", ("\xe9" * 128, "secret"), "user name .* not 256"),
        ("socks5h", ("user", "secret" * 50), "password .* not 300"),
        ("socks5h", ("user", "secret\udcff"), "password .* UTF-8"),
        ("socks4", ("secret\udcff", ""), "user name .* UTF-8"),
    ],
)
def test_credentials_that_cannot_be_given(scheme: str, credentials: Any, why: str) -> None:
    with pytest.raises(SocksProtocolError, match=why) as caught:
        check_credentials(scheme, credentials)
    assert "secret" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    with pytest.raises(SocksProtocolError, match=why):
        SocksDialogue(scheme, "192.0.2.7", 443, credentials)


# What is answered


@FEEDS
@pytest.mark.parametrize("answer", [GRANTED4, b"\x00\x5a" + bytes(6), b"\x00\x5a" + b"\xff" * 6])
def test_socks4_opens_the_tunnel(split: Any, answer: bytes) -> None:
    talk = socks4()
    assert feed(talk, split, answer) == b""
    assert talk.finished
    assert talk.accepted
    assert talk.refusal is None


@FEEDS
@pytest.mark.parametrize(
    "address",
    [
        b"\x01" + bytes(4),
        b"\x04" + b"\xff" * 16,
        b"\x03\x00",
        b"\x03\x01x",
        b"\x03\xff" + b"x" * 255,
    ],
)
@pytest.mark.parametrize("reserved", [b"\x00", b"\x01"])
def test_socks5_opens_the_tunnel(split: Any, reserved: bytes, address: bytes) -> None:
    talk = socks5(PAIR)
    feed(talk, split, USERNAME_PASSWORD)
    feed(talk, split, WELCOME)
    assert feed(talk, split, b"\x05\x00" + reserved + address + b"\x00\x50") == b""
    assert talk.finished
    assert talk.accepted
    assert talk.refusal is None


@FEEDS
@pytest.mark.parametrize(
    ("code", "meaning"),
    [(91, "failed"), (92, "reach the identd"), (93, "another user"), (0, "not know"), (89, "not")],
)
def test_refusals_of_socks4(split: Any, code: int, meaning: str) -> None:
    talk = socks4()
    feed(talk, split, bytes([0, code]))
    assert_refused(talk, code, meaning)


@FEEDS
@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (1, "general"),
        (2, "ruleset"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "connection refused"),
        (6, "TTL"),
        (7, "command not"),
        (8, "address type not"),
        (9, "not know"),
        (255, "not know"),
    ],
)
def test_refusals_of_socks5(split: Any, code: int, meaning: str) -> None:
    talk = socks5()
    feed(talk, split, NO_AUTHENTICATION)
    feed(talk, split, bytes([5, code]))
    assert_refused(talk, code, meaning)


@FEEDS
@pytest.mark.parametrize(
    ("credentials", "meaning"), [(None, "there are none"), (PAIR, "something else")]
)
def test_no_acceptable_method(split: Any, credentials: Any, meaning: str) -> None:
    talk = socks5(credentials)
    assert feed(talk, split, b"\x05\xff") == b""
    assert_refused(talk, 255, meaning)


@FEEDS
@pytest.mark.parametrize("status", [1, 255])
def test_refused_credentials(split: Any, status: int) -> None:
    talk = socks5(PAIR)
    feed(talk, split, USERNAME_PASSWORD)
    assert feed(talk, split, bytes([1, status])) == b""
    assert_refused(talk, status, "user name or password")


def assert_refused(talk: Any, code: int, meaning: str) -> None:
    assert talk.finished
    assert not talk.accepted
    assert talk.refusal[0] == code
    assert meaning in talk.refusal[1]
    # The rest of the reply, or anything else, changes nothing.
    talk.receive_eof()
    assert talk.receive_data(GRANTED4 + SUCCEEDED) == b""
    assert not talk.accepted
    assert talk.refusal[0] == code


@pytest.mark.parametrize("rest", [b"\x00\x01" + bytes(6), b"\x00\x00\x00\x00", b"x" * 100_000])
def test_refusal_with_the_rest_of_it(rest: bytes) -> None:
    talk = socks5()
    talk.receive_data(NO_AUTHENTICATION)
    assert talk.receive_data(b"\x05\x05" + rest) == b""
    assert talk.refusal[0] == 5


# What is no answer

UNTIL: Any = {
    "socks4 reply": (socks4, []),
    "method": (lambda: socks5(PAIR), []),
    "verdict": (lambda: socks5(PAIR), [USERNAME_PASSWORD]),
    "reply": (lambda: socks5(PAIR), [USERNAME_PASSWORD, WELCOME]),
    "reply without authentication": (socks5, [NO_AUTHENTICATION]),
}
"""Each place where the proxy is to speak: how to get there."""


def at(place: str) -> Any:
    make, answers = UNTIL[place]
    talk = make()
    for answer in answers:
        assert talk.receive_data(answer)
    return talk


def assert_failed(talk: Any) -> None:
    """It is over, and nothing that comes now can open the tunnel."""
    for data in (b"", NO_AUTHENTICATION, SUCCEEDED, GRANTED4):
        assert talk.finished
        assert not talk.accepted
        assert talk.refusal is None
        with pytest.raises(SocksProtocolError):
            talk.receive_data(data)
    talk.receive_eof()
    assert not talk.accepted


@FEEDS
@pytest.mark.parametrize(
    ("place", "answer", "why"),
    [
        ("socks4 reply", b"\x04\x5a" + bytes(6), "SOCKS4: its answer begins with 4, not 0"),
        ("socks4 reply", b"\x05\x00", "SOCKS4: its answer begins with 5"),
        ("socks4 reply", b"HT", "SOCKS4: its answer begins with 72"),
        ("method", b"\x04\x00", "SOCKS5: its answer begins with 4, not 5"),
        ("method", b"\x00\x5b", "SOCKS5: its answer begins with 0"),
        ("method", b"\x05\x01", "method 1, which was not offered"),
        ("verdict", b"\x05\x00", "RFC 1929: its answer begins with 5, not 1"),
        ("reply", b"\x01\x00", "SOCKS5: its answer begins with 1"),
        ("reply", b"\x05\x00\x00\x00", "unknown type 0"),
        ("reply", b"\x05\x00\x00\x02", "unknown type 2"),
        ("reply without authentication", b"\x05\x00\x00\xff", "unknown type 255"),
    ],
)
def test_rubbish_is_an_error(split: Any, place: str, answer: bytes, why: str) -> None:
    talk = at(place)
    with pytest.raises(SocksProtocolError, match=why):
        feed(talk, split, answer)
    assert_failed(talk)


def test_the_method_for_credentials_must_have_been_offered() -> None:
    talk = socks5()
    with pytest.raises(SocksProtocolError, match="method 2, which was not offered"):
        talk.receive_data(USERNAME_PASSWORD)
    assert_failed(talk)


@pytest.mark.parametrize(
    ("place", "answer", "awaited"),
    [
        ("method", NO_AUTHENTICATION + SUCCEEDED, "its reply before"),
        ("method", NO_AUTHENTICATION + b"\x05", "its reply before"),
        ("method", USERNAME_PASSWORD + WELCOME, "verdict on the credentials before"),
        ("verdict", WELCOME + SUCCEEDED, "its reply before"),
    ],
)
def test_an_answer_before_the_question_is_an_error(place: str, answer: bytes, awaited: str) -> None:
    talk = at(place)
    with pytest.raises(SocksProtocolError, match=awaited):
        talk.receive_data(answer)
    assert_failed(talk)


@pytest.mark.parametrize(("place", "answer"), [("socks4 reply", GRANTED4), ("reply", SUCCEEDED)])
@pytest.mark.parametrize("rest", [b"\x00", b"HTTP/1.1 200 OK\r\n\r\n"])
@pytest.mark.parametrize("together", [True, False])
def test_data_behind_the_acceptance_is_an_error(
    place: str, answer: bytes, rest: bytes, together: bool
) -> None:
    talk = at(place)
    if not together:
        talk.receive_data(answer)
        assert talk.accepted
    with pytest.raises(SocksProtocolError, match="before the tunnel was used"):
        talk.receive_data(answer + rest if together else rest)
    assert_failed(talk)


@pytest.mark.parametrize(
    ("place", "answer", "awaited"),
    [
        ("socks4 reply", GRANTED4, "reply"),
        ("method", NO_AUTHENTICATION, "choice of a method"),
        ("verdict", WELCOME, "verdict on the credentials"),
        ("reply", SUCCEEDED, "reply"),
        ("reply", b"\x05\x00\x00\x03\x02abcd", "reply"),
    ],
)
def test_end_before_the_answer_is_an_error(place: str, answer: bytes, awaited: str) -> None:
    for length in range(len(answer)):
        talk = at(place)
        assert talk.receive_data(answer[:length]) == b""
        with pytest.raises(SocksProtocolError, match=f"ended the connection.*{awaited}"):
            talk.receive_eof()
        assert_failed(talk)


@pytest.mark.parametrize("place", UNTIL)
def test_end_behind_the_acceptance_is_for_the_tunnel(place: str) -> None:
    talk = at(place)
    for answer in (GRANTED4,) if place == "socks4 reply" else answers_from(place):
        talk.receive_data(answer)
    talk.receive_eof()
    assert talk.accepted


def answers_from(place: str) -> Any:
    answers = [USERNAME_PASSWORD, WELCOME, SUCCEEDED]
    return answers[{"method": 0, "verdict": 1}.get(place, 2) :]


def test_errors_pickle() -> None:
    error = SocksProtocolError("what happened")
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (SocksProtocolError, "what happened")


# Against a proxy that reads by the layouts of the specifications


class Model:
    """A proxy: takes what the client says, one turn at a time, and answers.

    Args:
        users: whom it lets in, by name and password; `None` for anybody.
        verdict: the code of its reply.
        bound: the address in its reply, encoded.
    """

    def __init__(self, users: dict[str, str] | None, verdict: int, bound: bytes) -> None:
        self.users = users
        self.verdict = verdict
        self.bound = bound
        self.asked: tuple[Any, int] | None = None
        self.user: str | None = None
        self._answer = self._greeting

    def answer(self, said: bytes) -> bytes:
        reader = Reader(said)
        version = reader.number(1)
        answer = self._request4(reader) if version == 4 else self._answer(version, reader)
        assert reader.rest == b""
        return answer

    def _request4(self, reader: Reader) -> bytes:
        assert reader.number(1) == 1
        port = reader.number(2)
        address = reader.take(4)
        self.user = reader.string().decode()
        by_name = address[:3] == bytes(3) and address[3] != 0
        host = reader.string().decode("ascii") if by_name else IPv4Address(address)
        self.asked = (host, port)
        return bytes([0, 90 if self.verdict == 0 else 90 + self.verdict]) + bytes(6)

    def _greeting(self, version: int, reader: Reader) -> bytes:
        assert version == 5
        methods = reader.take(reader.number(1))
        wanted = 0 if self.users is None else 2
        self._answer = self._request5 if self.users is None else self._credentials
        return bytes([5, wanted if wanted in methods else 255])

    def _credentials(self, version: int, reader: Reader) -> bytes:
        assert version == 1
        self.user = reader.take(reader.number(1)).decode()
        password = reader.take(reader.number(1)).decode()
        assert self.users is not None
        self._answer = self._request5
        return bytes([1, 0 if self.users.get(self.user) == password else 1])

    def _request5(self, version: int, reader: Reader) -> bytes:
        assert (version, reader.number(1), reader.number(1)) == (5, 1, 0)
        kind = reader.number(1)
        host: Any
        if kind == 1:
            host = IPv4Address(reader.take(4))
        elif kind == 3:
            host = reader.take(reader.number(1)).decode("ascii")
        else:
            assert kind == 4
            host = IPv6Address(reader.take(16))
        self.asked = (host, reader.number(2))
        return bytes([5, self.verdict, 0]) + self.bound + b"\x00\x50"


class Reader:
    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, length: int) -> bytes:
        assert len(self.rest) >= length
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length))

    def string(self) -> bytes:
        taken, end, self.rest = self.rest.partition(b"\0")
        assert end
        return taken


LABEL = r"[a-z0-9_]([a-z0-9-]{0,20}[a-z0-9])?"
NAMES = st.from_regex(rf"{LABEL}(\.{LABEL}){{0,5}}", fullmatch=True)
ADDRESSES = st.ip_addresses().map(str)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
BOUND = st.one_of(
    st.binary(min_size=4, max_size=4).map(lambda raw: b"\x01" + raw),
    st.binary(min_size=16, max_size=16).map(lambda raw: b"\x04" + raw),
    st.binary(max_size=255).map(lambda raw: b"\x03" + bytes([len(raw)]) + raw),
)


def converse(talk: SocksDialogue, proxy: Model, data: st.DataObject) -> None:
    """Let them talk until the end, the proxy's answers cut anywhere."""
    said = talk.opening
    while not talk.finished:
        answer = proxy.answer(said)
        said = b""
        while answer and not talk.finished:
            assert said == b""
            cut = data.draw(st.integers(1, len(answer)))
            said = talk.receive_data(answer[:cut])
            answer = answer[cut:]
        assert talk.finished != bool(said)


@given(
    data=st.data(), host=NAMES | ADDRESSES, port=st.integers(1, 65535), verdict=st.integers(0, 8)
)
def test_socks5_with_a_proxy(data: Any, host: str, port: int, verdict: int) -> None:
    credentials = data.draw(st.none() | st.tuples(TEXTS, TEXTS))
    users = data.draw(st.sampled_from([None, {}, dict([credentials] if credentials else [])]))
    proxy = Model(users, verdict, data.draw(BOUND))
    talk = socks5(credentials, host, port)
    converse(talk, proxy, data)
    let_in = users is None or (credentials is not None and credentials[0] in users)
    if let_in:
        assert proxy.asked == (_parsed(host), port)
        assert proxy.user == (None if users is None else credentials[0])
    else:
        assert proxy.asked is None
    assert talk.accepted == (let_in and verdict == 0)
    assert (talk.refusal is None) == talk.accepted


@given(
    data=st.data(),
    host=NAMES | st.ip_addresses(v=4).map(str),
    port=st.integers(1, 65535),
    verdict=st.integers(0, 3),
    user=st.none() | TEXTS.map(lambda text: text.replace("\0", "0")),
)
def test_socks4_with_a_proxy(
    data: Any, host: str, port: int, verdict: int, user: str | None
) -> None:
    credentials = None if user is None else (user, "")
    try:
        talk = SocksDialogue("socks4a", host, port, credentials)
    except SocksProtocolError:
        assert 0 < int(IPv4Address(host)) < 256
        return
    proxy = Model(None, verdict, b"")
    converse(talk, proxy, data)
    assert proxy.asked == (_parsed(host), port)
    assert proxy.user == (user or "")
    assert talk.accepted == (verdict == 0)
    assert (talk.refusal is None) == talk.accepted


def _parsed(host: str) -> Any:
    try:
        return ip_address(host)
    except ValueError:
        return host


@given(
    place=st.sampled_from(sorted(UNTIL)),
    pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=20),
)
def test_any_bytes_are_an_outcome_within_bounds(place: str, pieces: list[bytes]) -> None:
    talk = at(place)
    said = 0
    for piece in pieces:
        error = None
        try:
            said += len(talk.receive_data(piece))
        except SocksProtocolError as exc:
            error = exc
        if error is not None:
            assert len(str(error)) < 200
            assert_failed(talk)
            return
        assert len(talk._buffer) <= LONGEST_KEPT
        assert said <= 1024
        if talk.finished:
            assert talk.accepted == (talk.refusal is None)
