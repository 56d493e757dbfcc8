"""Asking a proxy for a tunnel: a dialogue, CONNECT or SOCKS, carried out over a transport."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Final, Protocol

from whimbrel_connector._connect_dialogue import ConnectDialogue
from whimbrel_connector._socks import SocksDialogue, SocksProtocolError
from whimbrel_connector.errors import ClientProxyConnectionError, ProxyRefused, SocksRefused
from whimbrel_connector.tracing import ConnectionStage
from whimbrel_http_parser import ProtocolError

if TYPE_CHECKING:
    from whimbrel_connector._attempt import Attempt
    from whimbrel_connector._transport import SocketTransport
    from whimbrel_connector.endpoint import Proxy

__all__ = ["open_tunnel"]

_REFUSAL_TIME: Final = 1.0
"""How long the content of a proxy's refusal is waited for, in seconds."""
_REFUSAL_SHARE: Final = 0.5
"""Which part of the time that is left for the attempt may go into that at most."""
_FAULTS: Final = (ProtocolError, SocksProtocolError)


class _Dialogue(Protocol):
    """What CONNECT and SOCKS have in common."""

    @property
    def opening(self) -> bytes: ...
    @property
    def accepted(self) -> bool: ...
    @property
    def refusal(self) -> tuple[int, str] | None: ...
    @property
    def finished(self) -> bool: ...
    def receive_data(self, data: bytes) -> bytes: ...
    def receive_eof(self) -> None: ...


class _Caller:
    """The receiver that carries out a dialogue."""

    def __init__(self, dialogue: _Dialogue, transport: SocketTransport) -> None:
        loop = asyncio.get_running_loop()
        self._dialogue = dialogue
        self._transport = transport
        #: What is wrong with what the proxy did, if anything is.
        self.fault: Exception | None = None
        #: Done when the proxy has accepted or refused, or is not going to.
        self.decided: asyncio.Future[None] = loop.create_future()
        #: Done when nothing more is to be expected.
        self.ended: asyncio.Future[None] = loop.create_future()

    def data_received(self, data: bytes) -> None:
        """Take bytes from the proxy."""
        try:
            answer = self._dialogue.receive_data(data)
            if answer:
                self._transport.write(answer)
        except _FAULTS as exc:
            self.fault = exc
        self._settle()

    def eof_received(self) -> None:
        """Learn that the proxy will send no more."""
        try:
            self._dialogue.receive_eof()
        except _FAULTS as exc:
            self.fault = exc
        self._settle()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Learn that the connection is gone."""
        if self.fault is None:
            self.fault = ConnectionResetError(errno.ECONNRESET, "the proxy closed the connection")
            self.fault.__cause__ = exc
        self._settle()

    def _settle(self) -> None:
        dialogue = self._dialogue
        over = dialogue.finished or self.fault is not None
        if (over or dialogue.refusal is not None) and not self.decided.done():
            self.decided.set_result(None)
        if over and not self.ended.done():
            self.ended.set_result(None)


async def open_tunnel(
    attempt: Attempt, transport: SocketTransport, proxy: Proxy, destination: str
) -> None:
    """Ask the proxy at the other end of `transport` for a tunnel.

    Args:
        attempt: what for; its endpoint has the port.
        transport: the connection to the proxy, which is the tunnel afterwards.
        proxy: who is asked, by CONNECT or SOCKS.
        destination: the host to be reached, a name or an address.

    Raises:
        ProxyRefused: the proxy does not want to (CONNECT).
        SocksRefused: the proxy does not want to (SOCKS).
        ClientProxyConnectionError: it closed the connection or did not speak its protocol, or
            cannot be asked for this destination.
    """
    await attempt.tell(ConnectionStage.PROXY_START)
    attempt.begin(f"asking the proxy {proxy.url} for a tunnel")
    try:
        dialogue = _dialogue_with(proxy, destination, attempt.endpoint.port)
        caller = _Caller(dialogue, transport)
        transport.set_receiver(caller)
        transport.write(dialogue.opening)
        await caller.decided
        if dialogue.refusal is None and caller.fault is not None:
            raise caller.fault
    except (OSError, *_FAULTS) as exc:
        cause = exc if isinstance(exc, OSError) else OSError(errno.EPROTO, str(exc))
        raise ClientProxyConnectionError(attempt.endpoint, cause, attempt.detail()) from exc
    if not dialogue.accepted:
        patience = min(_REFUSAL_TIME, attempt.remaining() * _REFUSAL_SHARE)
        await asyncio.wait([caller.ended], timeout=patience)
        raise _refused(attempt, dialogue)
    transport.rest()
    attempt.timings.proxy = attempt.elapsed()
    await attempt.tell(ConnectionStage.PROXY_END)


def _dialogue_with(proxy: Proxy, host: str, port: int) -> ConnectDialogue | SocksDialogue:
    if proxy.is_socks:
        return SocksDialogue(proxy.url.scheme, host, port, proxy.credentials)
    return ConnectDialogue(host, port, proxy)


def _refused(
    attempt: Attempt, dialogue: ConnectDialogue | SocksDialogue
) -> ProxyRefused | SocksRefused:
    if isinstance(dialogue, SocksDialogue):
        assert dialogue.refusal is not None  # it is over, and not accepted
        return SocksRefused(attempt.endpoint, *dialogue.refusal, attempt.detail())
    response = dialogue.response
    assert response is not None  # it is over, and not accepted
    return ProxyRefused(
        attempt.endpoint,
        response.status,
        response.reason,
        response.raw_headers,
        bytes(dialogue.body),
        attempt.detail(),
    )
