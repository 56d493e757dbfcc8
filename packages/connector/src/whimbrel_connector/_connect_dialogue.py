"""The dialogue that asks an HTTP proxy for a tunnel, without I/O (RFC 9110, section 9.3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NoReturn

from whimbrel_http_parser import (
    NEED_DATA,
    PAUSED,
    Data,
    EndOfMessage,
    Framing,
    ProtocolError,
    Response,
    ResponseReader,
    request_head,
)

if TYPE_CHECKING:
    from whimbrel_connector.endpoint import Proxy

__all__ = ["ConnectDialogue"]

_SWITCHING_PROTOCOLS: Final = 101
MAX_BODY: Final = 65536
"""How much of the content of a refusal is kept, in bytes."""


class ConnectDialogue:
    """One CONNECT request and the proxy's answer.

    Args:
        host: the host to be reached through the tunnel.
        port: its port.
        proxy: who is asked, and with what credentials and headers.

    Raises:
        ProtocolError: the host or a header field cannot be written in a request.
    """

    __slots__ = ("_faulty", "_reader", "body", "finished", "opening", "response")

    def __init__(self, host: str, port: int, proxy: Proxy) -> None:
        authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        fields = [("Host", authority), *proxy.headers]
        if proxy.authorization is not None:
            fields.append(("Proxy-Authorization", proxy.authorization))
        #: What to send.
        self.opening = request_head("CONNECT", authority, fields)
        #: The final answer's head, when it has come.
        self.response: Response | None = None
        #: The content of a refusal, cut at `MAX_BODY`.
        self.body = bytearray()
        #: Whether nothing more is to be received.
        self.finished = False
        self._faulty = False
        self._reader = ResponseReader("CONNECT")

    @property
    def accepted(self) -> bool:
        """Whether the tunnel is open."""
        return self._is_switched() and not self._faulty

    @property
    def refusal(self) -> tuple[int, str] | None:
        """The status and the reason phrase with which the proxy refused."""
        response = self.response
        if response is None or response.framing is Framing.SWITCHED:
            return None
        return response.status, response.reason

    def receive_data(self, data: bytes) -> bytes:
        """Take bytes from the proxy; return what to send next, which is nothing.

        Raises:
            ProtocolError: the proxy does not speak HTTP, or sends more than the answer before
                we said anything in the tunnel, in which the client speaks first.
        """
        if self._is_switched():
            self._fail()
        if not self.finished:
            self._reader.receive_data(data)
            self._read()
        return b""

    def receive_eof(self) -> None:
        """Learn that the proxy will send no more.

        Raises:
            ProtocolError: it ended before its answer's head was complete.
        """
        if not self.finished:
            self._reader.receive_eof()
            self._read()

    def _read(self) -> None:
        while not self.finished:
            try:
                event = self._reader.next_event()
            except ProtocolError:
                if self.response is None:
                    raise
                self.finished = True  # a refusal is one, even if its content is damaged
                return
            if event is NEED_DATA:
                return
            if isinstance(event, Response):
                if event.status == _SWITCHING_PROTOCOLS:
                    # Nothing else than a tunnel was asked for, and 2xx alone opens one.
                    self.finished = True
                    raise ProtocolError("the proxy answered CONNECT with 101, unasked")
                self.response = event
            elif isinstance(event, Data):
                self.body += event.data[: MAX_BODY - len(self.body)]
                self.finished = len(self.body) >= MAX_BODY
            elif event is PAUSED or isinstance(event, EndOfMessage):
                self.finished = True
        if self._is_switched() and self._reader.trailing_data:
            self._fail()

    def _is_switched(self) -> bool:
        return self.response is not None and self.response.framing is Framing.SWITCHED

    def _fail(self) -> NoReturn:
        self._faulty = True
        raise ProtocolError("the proxy sent data before the tunnel was used")
