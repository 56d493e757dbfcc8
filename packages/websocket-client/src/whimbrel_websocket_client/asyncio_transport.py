"""A `Transport` over a plain asyncio transport, for those who connect without a connector."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whimbrel_connector.interfaces import ReadableBuffer, Receiver

__all__ = ["AsyncioTransport"]


class AsyncioTransport(asyncio.Protocol):
    """What `loop.create_connection(AsyncioTransport, ...)` makes into a `Transport`.

    What arrives before `set_receiver` waits for it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._inner: asyncio.Transport | None = None
        self._receiver: Receiver | None = None
        self._early = b""
        self._eof = False
        self._lost = False
        self._failure: BaseException | None = None
        self._room = asyncio.Event()
        self._room.set()

    @property
    def _connected(self) -> asyncio.Transport:
        if self._inner is None:
            raise RuntimeError("the transport is not connected: await create_connection() first")
        return self._inner

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._inner = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand the data on; without a receiver keep it, and let the rest wait in the kernel."""
        if self._receiver is None:
            self._early += data
            self.pause_reading()
        else:
            self._receiver.data_received(data)

    def eof_received(self) -> bool:
        """Tell that the peer ended, and stay open for writing, except over TLS, which cannot."""
        self._eof = True
        if self._receiver is not None:
            self._receiver.eof_received()
        return self.get_extra_info("ssl_object") is None

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell that the transport is gone, and let `drain` fail."""
        self._lost = True
        self._failure = exc
        self._room.set()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.connection_lost(exc)

    def pause_writing(self) -> None:
        """Make `drain` wait."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let `drain` return."""
        self._room.set()

    # whimbrel_connector.interfaces.Transport

    def set_receiver(self, receiver: Receiver) -> None:
        """Deliver everything to `receiver`; what came before, in the next turn of the loop."""
        self._receiver = receiver
        if self._early or self._eof or self._lost:
            self._loop.call_soon(self._deliver_past, receiver)

    def _deliver_past(self, receiver: Receiver) -> None:
        if self._receiver is not receiver:
            return
        early, self._early = self._early, b""
        if early:
            self.resume_reading()
            receiver.data_received(early)
        if self._eof:
            receiver.eof_received()
        if self._lost:
            self._receiver = None
            receiver.connection_lost(self._failure)

    def write(self, data: ReadableBuffer) -> None:
        """Queue `data` for sending."""
        if not self.is_closing():
            self._connected.write(data)

    def writelines(self, parts: Iterable[ReadableBuffer]) -> None:
        """Queue all of `parts`, in order, as one write."""
        self.write(b"".join(parts))

    async def drain(self) -> None:
        """Wait until the send buffer has room.

        Raises:
            ConnectionResetError: the transport was lost.
        """
        await self._room.wait()
        if self._lost:
            raise ConnectionResetError("the connection was lost") from self._failure

    def pause_reading(self) -> None:
        """Deliver no more data until `resume_reading`."""
        if not self.is_closing():
            self._connected.pause_reading()

    def resume_reading(self) -> None:
        """Deliver data again."""
        if not self.is_closing():
            self._connected.resume_reading()

    def is_closing(self) -> bool:
        """Tell whether the transport is closed or about to be."""
        return self._lost or self._connected.is_closing()

    def close(self) -> None:
        """Send what is queued, then close."""
        self._connected.close()

    def abort(self) -> None:
        """Close now."""
        self._connected.abort()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return a fact about the connection."""
        return self._connected.get_extra_info(name, default)
