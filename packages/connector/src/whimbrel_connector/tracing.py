"""What happens on the way to a connection, as events for a `ConnectionTrace`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from whimbrel_connector.endpoint import Endpoint

__all__ = ["ConnectionEvent", "ConnectionStage"]


class ConnectionStage(Enum):
    """What an event tells.

    Every `..._START` is followed by its `..._END`, unless the attempt fails or is cancelled in
    between: then the exception says in which phase.
    """

    QUEUED_START = "queued start"
    """The limits allow no connection now; the caller waits for its turn."""
    QUEUED_END = "queued end"
    """It is the caller's turn, and the socket that makes room for a new one is gone."""
    REUSED = "reused"
    """A connection that was used before is to be leased.

    Nothing follows, unless it is lost while this is told: then comes `CREATE_START`.
    """
    CREATE_START = "create start"
    """A new connection is about to be established."""
    CREATE_END = "create end"
    """The new connection is ready; nothing follows."""
    DNS_CACHE_HIT = "DNS cache hit"
    """The addresses of `host` are remembered."""
    DNS_CACHE_MISS = "DNS cache miss"
    """The addresses of `host` have to be looked up; not sent for address literals."""
    DNS_START = "DNS start"
    """The look-up of `host` begins, or one that is under way is joined."""
    DNS_END = "DNS end"
    """The addresses of `host` are known."""
    CONNECT_START = "connect start"
    """The socket is being connected, to the proxy if there is one."""
    CONNECT_END = "connect end"
    """The socket is connected, to `address`."""
    PROXY_TLS_START = "proxy TLS start"
    """The TLS handshake with an HTTPS proxy begins."""
    PROXY_TLS_END = "proxy TLS end"
    """TLS with the proxy is established."""
    PROXY_START = "proxy start"
    """The proxy is being asked for a tunnel (CONNECT, SOCKS)."""
    PROXY_END = "proxy end"
    """The tunnel is open."""
    TLS_START = "TLS start"
    """The TLS handshake with the server begins."""
    TLS_END = "TLS end"
    """TLS with the server is established."""


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """One event on the way to a connection."""

    stage: ConnectionStage
    endpoint: Endpoint
    """Where the connection is to lead."""
    host: str | None = None
    """The name that is looked up, of the server or of the proxy; for the `DNS_...` stages."""
    address: str | None = None
    """The IP address or the path that the socket is connected to; for `CONNECT_END`."""
