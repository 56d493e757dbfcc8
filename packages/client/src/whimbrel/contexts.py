"""What the session's methods return: coroutines that are asynchronous context managers, too."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from whimbrel.response import ClientResponse
from whimbrel_websocket_client import ClientWebSocketResponse

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from whimbrel.session import ClientSession

__all__ = ["RequestContext", "SingleRequestContext", "WebSocketContext"]

R = TypeVar("R")


class _Context(Coroutine[Any, Any, R]):
    """Something being made: awaiting it, also as a task, gives it; `async with` ends it, too."""

    __slots__ = ("_made", "_making")

    def __init__(self, making: Coroutine[Any, Any, R]) -> None:
        self._making = making
        self._made: R | None = None

    def __await__(self) -> Generator[Any, Any, R]:
        return self._making.__await__()

    def send(self, value: Any) -> Any:
        """Go on with the coroutine."""
        return self._making.send(value)

    def throw(self, *error: Any) -> Any:
        """Raise an exception in the coroutine."""
        return self._making.throw(*error)

    def close(self) -> None:
        """End the coroutine."""
        self._making.close()

    async def __aenter__(self) -> R:
        self._made = await self._making
        return self._made


class RequestContext(_Context[ClientResponse]):
    """A request under way: awaiting it gives the response, `async with` releases it, too."""

    __slots__ = ()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._made is not None
        self._made.release()


class WebSocketContext(_Context[ClientWebSocketResponse]):
    """A WebSocket being opened: awaiting it gives the WebSocket, `async with` closes it, too."""

    __slots__ = ()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._made is not None
        await self._made.close()


class SingleRequestContext:
    """A request with a session of its own, which is closed with the response.

    Only for `async with`: there would be nobody to close the session of an awaited one.
    """

    __slots__ = ("_context", "_session")

    def __init__(self, session: ClientSession, context: RequestContext) -> None:
        self._session = session
        self._context = context

    async def __aenter__(self) -> ClientResponse:
        try:
            return await self._context.__aenter__()
        except BaseException:
            await self._session.close()
            raise

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._context.__aexit__(exc_type, exc, traceback)
        await self._session.close()
