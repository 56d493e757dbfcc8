"""Where the time of a request went."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Timings"]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that each phase of one request took; `None` where the phase did not happen.

    For a request that was redirected they are those of the last hop; `ClientResponse.history`
    has the responses of the hops before, each with its own timings.

    Attributes:
        queue: waiting for a free slot in the pool.
        dns: resolving the host name.
        connect: establishing the TCP (or UNIX) connection.
        proxy: the TLS handshake with an HTTPS proxy, and the dialogue for a tunnel.
        tls: the TLS handshake with the server.
        first_byte: from the request being written to the first byte of the response.
        transfer: from the first byte of the response to the end of its body; `None` until then.
        total: from the start of this hop to the end of the body; `None` until then.
        reused: whether the connection had served a request before.
    """

    queue: float
    dns: float | None
    connect: float | None
    proxy: float | None
    tls: float | None
    first_byte: float
    transfer: float | None
    total: float | None
    reused: bool
