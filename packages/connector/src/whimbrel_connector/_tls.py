"""TLS settings: which context serves which `ssl` option, and what a handshake must have agreed."""

from __future__ import annotations

import errno
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

from whimbrel_connector._caller import warn_caller
from whimbrel_connector.endpoint import check_option
from whimbrel_connector.errors import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientProxyConnectionError,
    ServerFingerprintMismatch,
)
from whimbrel_connector.fingerprint import Fingerprint

if TYPE_CHECKING:
    from whimbrel_connector.endpoint import Endpoint, Proxy
    from whimbrel_connector.interfaces import Transport

    SSLOption = bool | Fingerprint | ssl.SSLContext

__all__ = [
    "HANDSHAKE_FAULTS",
    "SHUTDOWN_TIMEOUT",
    "check_proxy_session",
    "check_session",
    "context_for",
    "handshake_error",
    "merge_ssl",
    "proxy_context",
    "proxy_handshake_error",
    "server_name",
]

#: How long the peer may take to answer our close_notify, in seconds.
SHUTDOWN_TIMEOUT: Final = 1.0
#: What asyncio raises for a handshake that fails: what went wrong, that the name is none that TLS
#: can ask for, and, in the first releases of Python 3.11 and 3.12 and for TLS in TLS, what asyncio
#: itself then did wrong.
HANDSHAKE_FAULTS: Final = (OSError, ValueError, TypeError)

_PROXY_ALPN: Final = ("http/1.1",)
_NO_TLS: Final = frozenset(
    {"HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"}
)
"""What OpenSSL calls bytes that are no TLS record."""


class _Peer(Protocol):
    """With whom TLS is spoken: an endpoint or a proxy."""

    @property
    def host(self) -> str: ...
    @property
    def server_hostname(self) -> str | None: ...


def merge_ssl(
    ssl_option: SSLOption,
    verify_ssl: bool | None = None,
    ssl_context: ssl.SSLContext | None = None,
    fingerprint: bytes | None = None,
) -> SSLOption:
    """Turn `ssl` and the deprecated options that it replaced into one value.

    Args:
        ssl_option: the `ssl` option.
        verify_ssl: deprecated; `False` is `ssl=False`.
        ssl_context: deprecated; the same as `ssl=ssl_context`.
        fingerprint: deprecated; the same as `ssl=Fingerprint(fingerprint)`.

    Raises:
        ValueError: more than one of them is given.
        TypeError: one of them is something else.
    """
    check_option(ssl_option)
    old: list[tuple[str, SSLOption]] = []
    if verify_ssl is not None:
        old.append(("verify_ssl", verify_ssl))
    if ssl_context is not None:
        old.append(("ssl_context", ssl_context))
    if fingerprint is not None:
        old.append(("fingerprint", Fingerprint(fingerprint)))
    for name, value in old:
        check_option(value)
        warn_caller(f"{name} is deprecated, use ssl")
    given = [value for name, value in old if value is not True]
    if ssl_option is not True:
        given.append(ssl_option)
    if len(given) > 1:
        raise ValueError("verify_ssl, ssl_context, fingerprint and ssl exclude each other")
    return given[0] if given else True


@lru_cache(maxsize=32)
def _make_context(verify: bool, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Make a context; cached, for reading the authorities takes milliseconds.

    They are those of the time when it is made: OpenSSL's files, or what `SSL_CERT_FILE` and
    `SSL_CERT_DIR` say then.
    """
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def context_for(option: SSLOption, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return the context for an `ssl` option; the same option always gets the same one.

    A context of the user's is used as it is, with the ALPN protocols that it has.

    Raises:
        TypeError: it is no `ssl` option.
    """
    check_option(option)
    if isinstance(option, ssl.SSLContext):
        return option
    unverified = option is False or isinstance(option, Fingerprint)
    return _make_context(not unverified, alpn)


def proxy_context(proxy: Proxy) -> ssl.SSLContext:
    """Return the context for the TLS with an HTTPS proxy itself."""
    return context_for(proxy.ssl, _PROXY_ALPN)


def server_name(peer: _Peer) -> str:
    """Return the name for SNI and for the certificate.

    Neither the dot of the DNS root nor the zone of an IPv6 address (RFC 4007) is part of it.
    """
    name = peer.server_hostname or peer.host
    if ":" in name:
        return name.partition("%")[0]
    return name.rstrip(".") or name


def check_session(
    endpoint: Endpoint, option: SSLOption, transport: Transport, detail: str = ""
) -> None:
    """Refuse a session that the handshake accepted and we must not.

    Args:
        endpoint: with whom.
        option: the `ssl` option in force.
        transport: the session.
        detail: what else is known, for an error.

    Raises:
        ServerFingerprintMismatch: the certificate is not the pinned one.
        ClientConnectorSSLError: ALPN chose a protocol that the endpoint does not ask for.
    """
    if isinstance(option, Fingerprint):
        try:
            option.check(transport)
        except ServerFingerprintMismatch as exc:
            if endpoint.proxy is None:
                raise
            # The address of the socket's peer is the proxy's, whose certificate it is not.
            raise ServerFingerprintMismatch(
                exc.expected, exc.got, endpoint.host, endpoint.port
            ) from None
    alien = _alien_protocol(transport, endpoint.alpn, "the server")
    if alien is not None:
        raise ClientConnectorSSLError(endpoint, alien, detail)


def check_proxy_session(
    endpoint: Endpoint, proxy: Proxy, transport: Transport, detail: str = ""
) -> None:
    """Refuse a session with an HTTPS proxy that the handshake accepted and we must not.

    Args:
        endpoint: what is behind the proxy.
        proxy: with whom.
        transport: the session.
        detail: what else is known, for an error.

    Raises:
        ClientProxyConnectionError: the proxy's certificate is not the pinned one, or ALPN chose
            a protocol other than HTTP/1.1.
    """
    if isinstance(proxy.ssl, Fingerprint):
        try:
            proxy.ssl.check(transport)
        except ServerFingerprintMismatch as exc:
            reason = OSError(errno.EACCES, f"the proxy is not the pinned one: {exc}")
            raise ClientProxyConnectionError(endpoint, reason, detail) from exc
    alien = _alien_protocol(transport, _PROXY_ALPN, "the proxy")
    if alien is not None:
        raise ClientProxyConnectionError(endpoint, alien, detail)


def _alien_protocol(
    transport: Transport, offered: tuple[str, ...], who: str
) -> ssl.SSLError | None:
    """Return the error, if ALPN (RFC 7301) chose what was not asked for."""
    chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
    if chosen is None or chosen in offered:
        return None
    return ssl.SSLError(
        1,
        f"{who} chose the protocol {chosen!r} (ALPN),"
        f" expected one of {', '.join(offered) or 'none'}",
    )


def handshake_error(endpoint: Endpoint, exc: Exception, detail: str) -> ClientConnectorError:
    """Return the error that says what went wrong in a handshake with the server.

    Args:
        endpoint: with whom.
        exc: one of `HANDSHAKE_FAULTS`, as asyncio raised it.
        detail: what else is known.
    """
    fault, hint = _explain(exc, "the server")
    if hint:
        detail = f"{hint}; {detail}"
    if isinstance(fault, ssl.SSLCertVerificationError):
        return ClientConnectorCertificateError(endpoint, fault, detail)
    if isinstance(fault, ssl.SSLError):
        return ClientConnectorSSLError(endpoint, fault, detail)
    return ClientConnectorError(endpoint, fault, detail)


def proxy_handshake_error(
    endpoint: Endpoint, proxy: Proxy, exc: Exception, detail: str
) -> ClientProxyConnectionError:
    """Return the error that says what went wrong in a handshake with an HTTPS proxy.

    Args:
        endpoint: what is behind the proxy.
        proxy: with whom.
        exc: one of `HANDSHAKE_FAULTS`, as asyncio raised it.
        detail: what else is known.
    """
    fault, hint = _explain(exc, "the proxy")
    if isinstance(fault, ssl.SSLCertVerificationError):
        hint = f"the certificate is that of the proxy {proxy.url}"
    elif not hint:
        hint = f"the TLS is that with the proxy {proxy.url} itself"
    return ClientProxyConnectionError(endpoint, fault, f"{hint}; {detail}")


def _explain(exc: Exception, who: str) -> tuple[OSError, str]:
    """Return what went wrong as an `OSError`, and what else helps, if anything."""
    if isinstance(exc, TypeError) and isinstance(exc.__context__, OSError):
        exc = exc.__context__  # what was on its way when asyncio failed
    if not isinstance(exc, OSError):
        return ssl.SSLError(1, f"the handshake could not begin: {exc}"), ""
    if isinstance(exc, ssl.SSLError):
        no_tls = getattr(exc, "reason", None) in _NO_TLS  # only OpenSSL's errors have it
        return exc, f"{who} seems to speak no TLS on this port" if no_tls else ""
    if isinstance(exc, ConnectionResetError) and not exc.args:  # asyncio's word for an end
        return type(exc)(errno.ECONNRESET, f"{who} closed the connection in the handshake"), ""
    return exc, ""
