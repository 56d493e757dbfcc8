"""Resolvers: from a host name to its addresses."""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary, ref

from whimbrel_connector._caller import warn_caller
from whimbrel_connector._lookup_errors import NO_DATA, lookup_error
from whimbrel_connector.interfaces import ResolveResult

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["AbstractResolver", "AsyncResolver", "DefaultResolver", "ThreadedResolver"]


class AbstractResolver(ABC):
    """Base class for resolvers; any object of the `Resolver` shape will do as well."""

    @abstractmethod
    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`, in order of preference; never an empty list.

        Args:
            host: a name, never a canonical IP address literal.
            port: copied into the results.
            family: `AF_INET` or `AF_INET6` to restrict the answer, `AF_UNSPEC` (0) for both.

        Raises:
            OSError: the name has no address or could not be looked up.
        """

    @abstractmethod
    async def close(self) -> None:
        """Give back what the resolver holds; it is not used afterwards."""


def _check_loop(loop: asyncio.AbstractEventLoop | None) -> None:
    if loop is not None and loop is not asyncio.get_running_loop():
        raise RuntimeError("this resolver belongs to another event loop; use one for each loop")


def _check_name(host: str) -> None:
    # Both system and c-ares take a name to end at its first NUL: they would look up another one.
    if not host or "\0" in host:
        raise lookup_error(host, 0, socket.EAI_NONAME)


def _results(
    host: str, port: int, family: int, found: Iterable[tuple[int, int, tuple[Any, ...]]]
) -> list[ResolveResult]:
    """Turn (family, protocol, socket address) into results, leaving other families out."""
    results: list[ResolveResult] = []
    wanted = {family} if family else {socket.AF_INET, socket.AF_INET6}
    for kind, proto, sockaddr in found:
        if kind not in wanted:
            continue
        address = sockaddr[0].decode("ascii") if isinstance(sockaddr[0], bytes) else sockaddr[0]
        if kind == socket.AF_INET6 and len(sockaddr) > 3 and sockaddr[3] and "%" not in address:
            address = f"{address}%{sockaddr[3]}"  # link-local: useless without its zone (RFC 4007)
        results.append(
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=kind,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        )
    if not results:
        raise lookup_error(host, family, NO_DATA)
    return results


async def _ask_system(host: str, port: int, family: int, flags: int) -> list[ResolveResult]:
    _check_name(host)
    try:
        infos = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=flags
        )
    except UnicodeError as exc:  # a label that is empty or too long, in the words of a codec
        raise lookup_error(host, family, socket.EAI_NONAME) from exc
    except OSError as exc:
        code = exc.errno if isinstance(exc, socket.gaierror) else socket.EAI_FAIL
        reason = exc.strerror or type(exc).__name__
        raise lookup_error(host, family, code or socket.EAI_FAIL, reason) from exc
    return _results(host, port, family, ((info[0], info[2], info[4]) for info in infos))


class ThreadedResolver(AbstractResolver):
    """Asks the operating system (`getaddrinfo`), in the event loop's thread pool.

    A cancelled look-up ends at once for the caller; its thread ends when the system answers.

    Args:
        loop: deprecated; the event loop to belong to.
    """

    _loop: asyncio.AbstractEventLoop | None = None  # where a derived class does not call this one's

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        if loop is not None:
            warn_caller("loop is deprecated")
        self._loop = loop

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`; see `AbstractResolver.resolve`.

        Raises:
            socket.gaierror: the name does not exist (`EAI_NONAME`), has no address of the
                family (`EAI_NODATA`), or could not be looked up (another code).
            RuntimeError: the resolver belongs to another event loop.
        """
        _check_loop(self._loop)
        return await _ask_system(host, port, family, socket.AI_ADDRCONFIG)

    async def close(self) -> None:
        """Do nothing: the thread pool is the event loop's."""


class _Channel:
    """An aiodns resolver with the number of those who have not closed it yet."""

    __slots__ = ("__weakref__", "resolver", "users")

    def __init__(self, resolver: Any) -> None:
        self.resolver = resolver
        self.users = 1


# Each aiodns resolver costs a thread, four file descriptors and one of the user's inotify
# instances, of which Linux allows 128: those that would be equal are one. Only who uses it keeps
# it alive, so that it goes with them even if they are never closed.
_shared: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, ref[_Channel]]] = WeakKeyDictionary()


class AsyncResolver(AbstractResolver):
    """Asks the name servers without threads, through aiodns (the `dns` extra).

    Those made without arguments use one `aiodns.DNSResolver` for each event loop, which the last
    one to be closed closes. A resolver belongs to the event loop in which it is first used.

    Args:
        loop: deprecated; the event loop to belong to.
        *args: for `aiodns.DNSResolver`.
        **kwargs: for `aiodns.DNSResolver`, `nameservers` for example.

    Raises:
        RuntimeError: aiodns is not installed.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop | None = None, *args: Any, **kwargs: Any
    ) -> None:
        if loop is not None:
            warn_caller("loop is deprecated")
        try:
            aiodns = import_module("aiodns")  # optional, and slow to import
        except ImportError as exc:
            raise RuntimeError(
                "AsyncResolver needs aiodns: pip install whimbrel-connector[dns]"
            ) from exc
        self._aiodns: Any = aiodns
        self._args = args
        self._kwargs = kwargs
        self._loop = loop
        self._channel: _Channel | None = None
        self._closed = False

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`; see `AbstractResolver.resolve`.

        Raises:
            socket.gaierror: the name does not exist (`EAI_NONAME`), has no address of the
                family (`EAI_NODATA`), or could not be looked up (another code).
            RuntimeError: the resolver is closed, or belongs to another event loop.
        """
        if "%" in host:  # no name, but an address with a zone, for which c-ares has no ear
            return await _ask_system(host, port, family, socket.AI_NUMERICHOST)
        _check_name(host)
        _check_loop(self._loop)
        channel = self._channel or self._open()
        try:
            answer = await channel.resolver.getaddrinfo(
                host, port=port, type=socket.SOCK_STREAM, family=family
            )
        except self._aiodns.error.DNSError as exc:
            code, reason = exc.args if len(exc.args) == 2 else (None, "the DNS look-up failed")
            raise lookup_error(host, family, self._code(code), str(reason)) from exc
        except UnicodeError as exc:  # letters that no name may have
            raise lookup_error(host, family, socket.EAI_NONAME) from exc
        found = ((node.family, 0, node.addr) for node in answer.nodes)
        return _results(host, port, family, found)

    def _open(self) -> _Channel:
        """Take the channel that others of this loop use, or make one."""
        if self._closed:
            raise RuntimeError("this resolver is closed")
        loop = self._loop = asyncio.get_running_loop()
        if self._args or self._kwargs:
            self._channel = self._make_channel()
            return self._channel
        known = _shared.get(loop)
        channel = None if known is None else known()
        if channel is None or not channel.users:
            channel = self._make_channel()
            _shared[loop] = ref(channel)
        else:
            channel.users += 1
        self._channel = channel
        return channel

    def _make_channel(self) -> _Channel:
        try:
            return _Channel(self._aiodns.DNSResolver(*self._args, **self._kwargs))
        except (import_module("pycares").AresError, ValueError) as exc:
            # Out of file descriptors, or a name server that is no address.
            raise OSError(None, f"aiodns cannot be set up: {exc.args[-1]}") from exc

    def _code(self, code: object) -> int:
        """Return what `getaddrinfo` calls an error of c-ares."""
        error = self._aiodns.error
        if code in {error.ARES_ENOTFOUND, error.ARES_EBADNAME}:
            return socket.EAI_NONAME
        if code == error.ARES_ENODATA:
            return NO_DATA
        if code in {error.ARES_ETIMEOUT, error.ARES_ESERVFAIL, error.ARES_ECONNREFUSED}:
            return socket.EAI_AGAIN
        return socket.EAI_FAIL

    async def close(self) -> None:
        """Give up the sockets to the name servers; harmless when repeated.

        What still runs fails, unless other resolvers share the sockets: then it goes on.
        """
        self._closed = True
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.users -= 1
            if not channel.users:
                await channel.resolver.close()


DefaultResolver: type[AbstractResolver] = (
    AsyncResolver if find_spec("aiodns") is not None else ThreadedResolver
)
"""What a connector uses that is given no resolver: `AsyncResolver` where aiodns is installed."""
