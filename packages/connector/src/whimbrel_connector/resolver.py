"""Resolvers: from a host name to its addresses."""

from __future__ import annotations

import asyncio
import errno
import socket
from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

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


def _results(
    host: str, port: int, found: Iterable[tuple[int, int, tuple[Any, ...]]]
) -> list[ResolveResult]:
    """Turn (family, protocol, socket address) into results, leaving other families out."""
    results: list[ResolveResult] = []
    for family, proto, sockaddr in found:
        if family not in {socket.AF_INET, socket.AF_INET6}:
            continue
        address = sockaddr[0].decode("ascii") if isinstance(sockaddr[0], bytes) else sockaddr[0]
        if family == socket.AF_INET6 and len(sockaddr) > 3 and sockaddr[3] and "%" not in address:
            address = f"{address}%{sockaddr[3]}"  # link-local: useless without its zone (RFC 4007)
        results.append(
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
        )
    if not results:
        raise OSError(errno.ENOENT, f"the resolver found no address for {host!r}")
    return results


class ThreadedResolver(AbstractResolver):
    """Asks the operating system (`getaddrinfo`), in the event loop's thread pool.

    A cancelled look-up ends at once for the caller; its thread ends when the system answers.
    """

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`; see `AbstractResolver.resolve`."""
        infos = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        return _results(host, port, ((info[0], info[2], info[4]) for info in infos))

    async def close(self) -> None:
        """Do nothing: the thread pool is the event loop's."""


class AsyncResolver(AbstractResolver):
    """Asks the name servers without threads, through aiodns (the `dns` extra).

    Args:
        *args: for `aiodns.DNSResolver`.
        **kwargs: for `aiodns.DNSResolver`, `nameservers` for example.

    Raises:
        RuntimeError: aiodns is not installed.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        try:
            aiodns = import_module("aiodns")  # optional, and slow to import
        except ImportError as exc:
            raise RuntimeError(
                "AsyncResolver needs aiodns: pip install whimbrel-connector[dns]"
            ) from exc
        self._error: type[Exception] = aiodns.error.DNSError
        self._resolver: Any = aiodns.DNSResolver(*args, **kwargs)

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return every address of `host`; see `AbstractResolver.resolve`."""
        try:
            answer = await self._resolver.getaddrinfo(
                host,
                port=port,
                type=socket.SOCK_STREAM,
                family=family,
                flags=socket.AI_ADDRCONFIG,
            )
        except self._error as exc:
            text = str(exc.args[1]) if len(exc.args) > 1 else "the DNS look-up failed"
            raise OSError(None, text) from exc
        return _results(host, port, ((n.family, 0, n.addr) for n in answer.nodes))

    async def close(self) -> None:
        """Cancel what runs and close the sockets to the name servers."""
        await self._resolver.close()


DefaultResolver: type[AbstractResolver] = (
    AsyncResolver if find_spec("aiodns") is not None else ThreadedResolver
)
"""What a connector uses that is given no resolver: `AsyncResolver` where aiodns is installed."""
