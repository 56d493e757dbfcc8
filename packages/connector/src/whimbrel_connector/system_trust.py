"""Trust in what the operating system trusts, through truststore."""

from __future__ import annotations

import ssl
import sys
from functools import lru_cache
from importlib import import_module
from typing import Any

__all__ = ["system_trust_context"]


def system_trust_context(*, alpn: tuple[str, ...] = ("http/1.1",)) -> ssl.SSLContext:
    """Return a context that trusts whom the operating system trusts.

    It needs truststore (the `system-trust` extra). On macOS and Windows the system itself judges
    each certificate, by the authorities and rules that its administrator has set. Elsewhere the
    authorities are the files that OpenSSL or the distribution keep them in, or what
    `SSL_CERT_FILE` and `SSL_CERT_DIR` say; they are read once, at the first call.

    The same `alpn` always gets the same context, without which no connection could be used again:
    do not change it.

    Args:
        alpn: the protocols to offer (RFC 7301).

    Raises:
        RuntimeError: truststore is not installed.
    """
    return _make_context(alpn)


@lru_cache(maxsize=32)
def _make_context(alpn: tuple[str, ...]) -> ssl.SSLContext:
    try:
        truststore: Any = import_module("truststore")  # optional
    except ImportError as exc:
        raise RuntimeError(
            "system_trust_context needs truststore: pip install whimbrel-connector[system-trust]"
        ) from exc
    context: ssl.SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if sys.platform in {"darwin", "win32"}:
        return context
    # truststore reads the files anew for each connection, which stops the event loop for many
    # milliseconds. What they are read into is an ordinary context, and it stays.
    probe = context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="localhost")
    loaded: Any = probe.context
    # It is none for those who know ssl.SSLContext by what `truststore.inject_into_ssl` made of it.
    return loaded if isinstance(loaded, ssl.SSLContext) else context
