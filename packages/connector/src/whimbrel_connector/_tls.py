"""TLS settings: which context serves which `ssl` option, and what a handshake must have agreed."""

from __future__ import annotations

import ssl
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

from whimbrel_connector.endpoint import check_option
from whimbrel_connector.errors import (
    ClientConnectorCertificateError,
    ClientConnectorError,
    ClientConnectorSSLError,
)
from whimbrel_connector.fingerprint import Fingerprint

if TYPE_CHECKING:
    from whimbrel_connector.endpoint import Endpoint
    from whimbrel_connector.interfaces import Transport

    SSLOption = bool | Fingerprint | ssl.SSLContext

__all__ = [
    "SHUTDOWN_TIMEOUT",
    "check_session",
    "context_for",
    "merge_ssl",
    "server_name",
]

#: How long the peer may take to answer our close_notify, in seconds.
SHUTDOWN_TIMEOUT = 1.0


def merge_ssl(
    ssl_option: SSLOption,
    verify_ssl: bool | None = None,
    ssl_context: ssl.SSLContext | None = None,
    fingerprint: bytes | None = None,
    *,
    stacklevel: int = 3,
) -> SSLOption:
    """Turn `ssl` and the deprecated options that it replaced into one value.

    Args:
        ssl_option: the `ssl` option.
        verify_ssl: deprecated; `False` is `ssl=False`.
        ssl_context: deprecated; the same as `ssl=ssl_context`.
        fingerprint: deprecated; the same as `ssl=Fingerprint(fingerprint)`.
        stacklevel: whose line a deprecation warning names; 3 is the caller of the caller.

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
        warnings.warn(f"{name} is deprecated, use ssl", DeprecationWarning, stacklevel=stacklevel)
    given = [value for name, value in old if value is not True]
    if ssl_option is not True:
        given.append(ssl_option)
    if len(given) > 1:
        raise ValueError("verify_ssl, ssl_context, fingerprint and ssl exclude each other")
    return given[0] if given else True


@lru_cache(maxsize=32)
def _make_context(verify: bool, alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Make a context; cached, for reading the system's authorities takes milliseconds."""
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


def server_name(endpoint: Endpoint) -> str:
    """Return the name for SNI and for the certificate, without the dot of the DNS root."""
    name = endpoint.server_hostname or endpoint.host
    return name.rstrip(".") or name


def check_session(endpoint: Endpoint, option: SSLOption, transport: Transport) -> None:
    """Refuse a session that the handshake accepted and we must not.

    Raises:
        ServerFingerprintMismatch: the certificate is not the pinned one.
        ClientConnectorSSLError: ALPN chose a protocol that the endpoint does not ask for.
    """
    if isinstance(option, Fingerprint):
        option.check(transport)
    chosen = transport.get_extra_info("ssl_object").selected_alpn_protocol()
    if chosen is not None and chosen not in endpoint.alpn:
        raise ClientConnectorSSLError(
            endpoint,
            ssl.SSLError(
                1,
                f"the server chose the protocol {chosen!r} (ALPN),"
                f" expected one of {', '.join(endpoint.alpn) or 'none'}",
            ),
        )


def handshake_error(endpoint: Endpoint, exc: OSError, detail: str) -> ClientConnectorError:
    """Return the error that says what went wrong in a handshake."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ClientConnectorCertificateError(endpoint, exc, detail)
    if isinstance(exc, ssl.SSLError):
        return ClientConnectorSSLError(endpoint, exc, detail)
    return ClientConnectorError(endpoint, exc, detail)
