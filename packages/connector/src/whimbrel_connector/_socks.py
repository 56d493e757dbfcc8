"""The dialogue that asks a SOCKS proxy for a tunnel, without I/O.

SOCKS5 is RFC 1928, with RFC 1929 for user name and password; SOCKS4 and its extension 4a, which
takes names, are known by the memos of their authors only.
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn

from whimbrel_connector._wording import excerpt

if TYPE_CHECKING:
    from collections.abc import Generator

    Destination = IPv4Address | IPv6Address | bytes
    Refusal = tuple[int, str]
    Turns = Generator["_Turn", bytes, Refusal | None]
    # Is sent the octets that each turn waits for; returns the refusal, or `None` for success.

__all__ = ["SCHEMES", "SocksDialogue", "SocksProtocolError", "check_credentials"]

SCHEMES: Final = frozenset({"socks4", "socks4a", "socks5", "socks5h"})
"""What a proxy's URL may begin with: `socks4` and `socks5` take addresses, the others names too."""

_SOCKS4_SCHEMES: Final = frozenset({"socks4", "socks4a"})
_NAMING_SCHEMES: Final = frozenset({"socks4a", "socks5h"})

_LONGEST: Final = 255
"""What a length of one octet can say; the strings of SOCKS4, which end with NUL, are held to it."""
_CONNECT: Final = 1

_SOCKS4_GRANTED: Final = 90
_SOCKS4_REFUSALS: Final = {
    91: "request rejected or failed",
    92: "request rejected, as the proxy cannot reach the identd of this machine",
    93: "request rejected, as the identd of this machine names another user",
}
_NAME_FOLLOWS: Final = b"\x00\x00\x00\x01"
"""The address that cannot be one: the last octet is not zero, the others are (SOCKS4a)."""

_NO_AUTHENTICATION: Final = 0
_USERNAME_PASSWORD: Final = 2
_NO_ACCEPTABLE_METHOD: Final = 0xFF
_NEGOTIATION_VERSION: Final = 1
"""The version of RFC 1929, whatever that of SOCKS is."""
_SUCCEEDED: Final = 0
_SOCKS5_REFUSALS: Final = {
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused by the destination",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928, section 6."""
_IPV4: Final = 1
_DOMAIN_NAME: Final = 3
_IPV6: Final = 4
_ADDRESS_LENGTHS: Final = {_IPV4: 4, _IPV6: 16}
_PORT_LENGTH: Final = 2


class SocksProtocolError(ValueError):
    """The proxy does not speak SOCKS, or what is asked for cannot be said in it."""


class _Turn(NamedTuple):
    """One turn of the dialogue: what to say, and what comes next."""

    send: bytes
    wanted: int
    """How many octets to wait for."""
    awaited: str
    """What they are, for errors."""


class SocksDialogue:
    """One request for a connection by SOCKS, and the proxy's answers.

    Bytes that come before they are asked for are an error, so that what is kept of the proxy's is
    always less than one part of an answer has: 257 octets, a name and a port.

    Args:
        scheme: one of `SCHEMES`.
        host: the host to be reached through the tunnel: an IP address, or a name (ASCII,
            IDNA-encoded) for the proxy to look up.
        port: its port.
        credentials: user name and password for the proxy (RFC 1929); for SOCKS4, which has no
            passwords, the user's id and an empty one.

    Raises:
        SocksProtocolError: host, port or credentials cannot be said in this version of SOCKS.
    """

    __slots__ = (
        "_buffer",
        "_fault",
        "_turn",
        "_turns",
        "accepted",
        "finished",
        "opening",
        "refusal",
    )

    def __init__(
        self, scheme: str, host: str, port: int, credentials: tuple[str, str] | None = None
    ) -> None:
        if scheme not in SCHEMES:
            raise SocksProtocolError(f"no SOCKS proxy has the scheme {excerpt(scheme)}")
        check_credentials(scheme, credentials)
        if not 0 < port < 65536:
            raise SocksProtocolError(f"there is no port {port}")
        converse = _socks4 if scheme in _SOCKS4_SCHEMES else _socks5
        self._turns: Turns = converse(_destination(scheme, host), port, credentials)
        self._turn = next(self._turns)
        self._buffer = bytearray()
        self._fault: str | None = None
        #: What to send first.
        self.opening = self._turn.send
        #: Whether the tunnel is open.
        self.accepted = False
        #: The code with which the proxy refused, and what it means.
        self.refusal: Refusal | None = None
        #: Whether nothing more is to be received.
        self.finished = False

    def receive_data(self, data: bytes) -> bytes:
        """Take bytes from the proxy; return what to send next, which often is nothing.

        Raises:
            SocksProtocolError: the proxy does not speak this version of SOCKS, or sends something
                before it is asked, be it in the dialogue or in the tunnel, in which we speak
                first.
        """
        if self.refusal is not None:
            return b""  # what follows a refusal is nobody's
        self._buffer += data
        send = b""
        while not self.finished and len(self._buffer) >= self._turn.wanted:
            answer = bytes(self._buffer[: self._turn.wanted])
            del self._buffer[: len(answer)]
            send = self._take(answer)
            if send and self._buffer:
                self._fail(f"the proxy sent {self._turn.awaited} before it was asked")
        if self.accepted and self._buffer:
            self._fail("the proxy sent data before the tunnel was used")
        if self._fault is not None:
            self._fail(self._fault)
        return send

    def receive_eof(self) -> None:
        """Learn that the proxy will send no more.

        Raises:
            SocksProtocolError: it ended before its answer was complete.
        """
        if not self.finished:
            self._fail(f"the proxy ended the connection instead of sending {self._turn.awaited}")

    def _take(self, answer: bytes) -> bytes:
        """Hear one part of the proxy's answer; return what to send next."""
        try:
            self._turn = self._turns.send(answer)
        except StopIteration as end:
            self.finished = True
            self.refusal = end.value
            self.accepted = self.refusal is None
            if self.refusal is not None:
                self._buffer.clear()
            return b""
        except SocksProtocolError as exc:
            self._fail(str(exc))
        return self._turn.send

    def _fail(self, fault: str) -> NoReturn:
        """End the dialogue for good: whatever comes later, there is no tunnel."""
        self._fault = fault
        self._buffer.clear()
        self.finished = True
        self.accepted = False
        raise SocksProtocolError(fault)


def check_credentials(scheme: str, credentials: tuple[str, str] | None) -> None:
    """Refuse credentials that cannot be given to a proxy of this scheme.

    Raises:
        SocksProtocolError: why; the text does not show them.
    """
    if credentials is None:
        return
    username, password = credentials
    encoded = _octets("user name", username)
    if scheme not in _SOCKS4_SCHEMES:
        _octets("password", password)
    elif password:
        raise SocksProtocolError("SOCKS4 has no passwords: it takes a user name alone")
    elif b"\x00" in encoded:
        raise SocksProtocolError("the user name for a SOCKS4 proxy must have no NUL, which ends it")


def _octets(what: str, text: str) -> bytes:
    """Return one of the credentials as it is sent, without its length."""
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        # Not chained: that error has the whole text with it.
        raise SocksProtocolError(f"the {what} for the proxy has no form in UTF-8") from None
    if not 0 < len(encoded) <= _LONGEST:
        raise SocksProtocolError(
            f"the {what} for a SOCKS proxy has 1 to {_LONGEST} octets, not {len(encoded)}"
        )
    return encoded


def _destination(scheme: str, host: str) -> Destination:
    """Return what the proxy is asked for: an address, or a name as it is sent."""
    try:
        address = ip_address(host)
    except ValueError:
        return _name(scheme, host)
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        raise SocksProtocolError("SOCKS cannot say the zone of an IPv6 address")
    if scheme in _SOCKS4_SCHEMES:
        if address.version != 4:
            raise SocksProtocolError(f"SOCKS4 cannot say an IPv6 address ({address})")
        if 0 < int(address) < 256:
            raise SocksProtocolError(f"SOCKS4 cannot say the address {address}: it means a name")
    return address


def _name(scheme: str, host: str) -> bytes:
    shown = excerpt(host)
    if scheme not in _NAMING_SCHEMES:
        raise SocksProtocolError(f"{scheme} takes an IP address, not the name {shown}")
    if not (host.isascii() and host.isprintable() and " " not in host):
        raise SocksProtocolError(f"no host name for a SOCKS proxy: {shown}")
    if not 0 < len(host) <= _LONGEST:
        raise SocksProtocolError(
            f"a host name for a SOCKS proxy has 1 to {_LONGEST} octets, not {len(host)}"
        )
    return host.encode("ascii")


def _socks4(destination: Destination, port: int, credentials: tuple[str, str] | None) -> Turns:
    user = b"" if credentials is None else credentials[0].encode()
    address, name = _NAME_FOLLOWS, b""
    if isinstance(destination, bytes):
        name = destination + b"\x00"
    else:
        address = destination.packed
    request = bytes([4, _CONNECT]) + port.to_bytes(2) + address + user + b"\x00" + name
    version, code = yield _Turn(request, 2, "its reply")
    _check_version(version, 0, "SOCKS4")
    if code != _SOCKS4_GRANTED:
        return code, _SOCKS4_REFUSALS.get(code, "a code that SOCKS4 does not know")
    yield _Turn(b"", _PORT_LENGTH + 4, "the rest of its reply")
    return None


def _socks5(destination: Destination, port: int, credentials: tuple[str, str] | None) -> Turns:
    """Agree on a method, authenticate, ask for the connection (RFC 1928, sections 3, 4 and 6)."""
    refusal = yield from _authenticate(credentials)
    if refusal is not None:
        return refusal
    request = bytes([5, _CONNECT, 0]) + _encoded(destination) + port.to_bytes(2)
    version, code = yield _Turn(request, 2, "its reply")
    _check_version(version, 5, "SOCKS5")
    if code != _SUCCEEDED:
        # The rest of the reply says nothing, and not every proxy sends it.
        return code, _SOCKS5_REFUSALS.get(code, "a code that SOCKS5 does not know")
    _, kind = yield _Turn(b"", 2, "the rest of its reply")
    if kind == _DOMAIN_NAME:
        (length,) = yield _Turn(b"", 1, "the length of the name in its reply")
    elif kind in _ADDRESS_LENGTHS:
        length = _ADDRESS_LENGTHS[kind]
    else:
        raise SocksProtocolError(f"the proxy replied with an address of the unknown type {kind}")
    # Where the proxy's own end of the connection is: nobody needs to know.
    yield _Turn(b"", length + _PORT_LENGTH, "the address in its reply")
    return None


def _authenticate(credentials: tuple[str, str] | None) -> Turns:
    """Agree on a method, and authenticate by it (RFC 1928, section 3; RFC 1929).

    That we need not authenticate is always offered, with credentials too: they go in clear text,
    so a proxy that can do without them, as it knows us by our address, is not to see them.
    """
    methods = [_NO_AUTHENTICATION]
    if credentials is not None:
        methods.append(_USERNAME_PASSWORD)
    greeting = bytes([5, len(methods), *methods])
    version, method = yield _Turn(greeting, 2, "its choice of a method to authenticate")
    _check_version(version, 5, "SOCKS5")
    if method == _NO_ACCEPTABLE_METHOD:
        if credentials is None:
            return method, "it wants credentials, and there are none"
        return method, "it wants to authenticate by something else than user name and password"
    if method not in methods:
        raise SocksProtocolError(f"the proxy chose the method {method}, which was not offered")
    if method == _NO_AUTHENTICATION or credentials is None:
        return None
    username, password = (part.encode() for part in credentials)
    request = bytes([_NEGOTIATION_VERSION, len(username)]) + username
    request += bytes([len(password)]) + password
    version, status = yield _Turn(request, 2, "its verdict on the credentials")
    _check_version(version, _NEGOTIATION_VERSION, "RFC 1929")
    return None if status == _SUCCEEDED else (status, "user name or password refused")


def _encoded(destination: Destination) -> bytes:
    """Return an address or a name as RFC 1928, section 5 has it."""
    if isinstance(destination, bytes):
        return bytes([_DOMAIN_NAME, len(destination)]) + destination
    return bytes([_IPV4 if destination.version == 4 else _IPV6]) + destination.packed


def _check_version(version: int, expected: int, protocol: str) -> None:
    if version != expected:
        raise SocksProtocolError(
            f"the proxy does not speak {protocol}: its answer begins with {version}, not {expected}"
        )
