"""Long messages in parts, so that they need not be in memory as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from whimbrel_websocket_client.errors import WebSocketError, WSMessageTypeError
from whimbrel_websocket_client.messages import WSCloseCode, WSMsgType

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from types import TracebackType
    from typing import Self

    from whimbrel_websocket_client._channel import Channel
    from whimbrel_websocket_client.messages import WSMessage

__all__ = ["Each", "MessageParts"]

Part = TypeVar("Part", bound=str | bytes)


class MessageParts(Generic[Part]):
    """The parts of one message as they arrive; `ClientWebSocketResponse.receive_parts` makes it.

    It is an asynchronous iterator, and an asynchronous context manager that waits for the beginning
    of the message, and skips what was not taken of it at the end. How a message is divided says
    nothing about it, only how it travelled; a part is never empty, and a text is cut between
    characters.

    Attributes:
        type: TEXT or BINARY as soon as the message has begun, which is at the latest when the
            first part or the context is entered; before, it is `None`.
    """

    __slots__ = ("_channel", "_end", "_ended", "_timeout", "type")

    def __init__(
        self,
        channel: Channel,
        end: Callable[[], Awaitable[WSMessage]],
        timeout: float | None,
    ) -> None:
        self.type: WSMsgType | None = None
        self._channel = channel
        self._end = end
        self._timeout = timeout
        self._ended = False

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self._ended:
            self._ended = True
            self._channel.skip_parts()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Part:
        """Wait for the next part.

        Cancelling loses nothing, and neither does a timeout: the next call goes on.

        Raises:
            StopAsyncIteration: the message is complete.
            WebSocketError: the connection ended before the message did; `code` is the close code.
                What the peer did wrong, or the heartbeat found, is raised as it is.
            WSMessageTypeError: a Ping or a Pong is next, because of `autoping=False`.
            TimeoutError: no part came in time.
            RuntimeError: another task is receiving.
        """
        if self.type is None:
            await self._begin()
        channel = self._channel
        while not self._ended:
            if not channel.receives_parts:
                # close() has dropped what there was of the message, which is not its end.
                self._ended = True
                raise _as_error(await self._end(), channel)
            part: Any = channel.take_part()
            self._ended = not channel.receives_parts
            if part:
                return part  # type: ignore[no-any-return]  # as the type parameter says
            if not self._ended:
                await self._wait()
        raise StopAsyncIteration

    async def _begin(self) -> None:
        if self._ended:
            return
        channel = self._channel
        other = channel.begin_parts()
        if other is not None:
            raise WSMessageTypeError(
                f"expected a message of type TEXT or BINARY, received {other.type.name}"
            )
        try:
            while (kind := channel.parts_type) is None:
                await self._wait()
        except BaseException:
            channel.leave_parts()
            raise
        self.type = kind

    async def _wait(self) -> None:
        channel = self._channel
        waiter = channel.wait(self._timeout)
        if waiter is None:
            self._ended = True
            channel.skip_parts()
            raise _as_error(await self._end(), channel)
        try:
            await waiter
        finally:
            channel.stop_waiting()


def _as_error(end: WSMessage, channel: Channel) -> BaseException:
    """Return what the end of the connection is for somebody who has no other use for it."""
    if end.type is WSMsgType.ERROR:
        error: BaseException = end.data
        return error
    failure = channel.exception
    if channel.close_called:
        why = "close() was called"
    elif failure is not None:
        why = str(failure)
    else:
        why = "the peer closed the connection"
    code = channel.protocol.close_code
    wrapped = WebSocketError(
        WSCloseCode.ABNORMAL_CLOSURE if code is None else code, f"there is no message: {why}"
    )
    wrapped.__cause__ = failure
    return wrapped


class Each:
    """An ordinary iterable as an asynchronous one that never waits."""

    __slots__ = ("_iterator",)

    def __init__(self, iterable: Iterable[Any]) -> None:
        self._iterator = iter(iterable)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        try:
            return next(self._iterator)
        except StopIteration:
            raise StopAsyncIteration from None
