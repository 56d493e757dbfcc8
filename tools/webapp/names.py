"""A resolver that knows the names which a test gives it, and no others."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping, Sequence

from whimbrel_connector import AbstractResolver, ResolveResult

__all__ = ["ScriptedResolver"]


class ScriptedResolver(AbstractResolver):
    """Answers from a table, in the order given there.

    Args:
        names: the addresses of each name; it may be changed at any time.
    """

    def __init__(self, names: Mapping[str, Sequence[str]]) -> None:
        self.names = dict(names)
        self.asked: list[str] = []
        """The names that were asked for, in order."""

    async def resolve(
        self, host: str, port: int = 0, family: int = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of `host`.

        Raises:
            OSError: the table has none of that family.
        """
        self.asked.append(host)
        answer = [_result(host, address, port) for address in self.names.get(host, ())]
        answer = [each for each in answer if family in {socket.AF_UNSPEC, each["family"]}]
        if not answer:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return answer

    async def close(self) -> None:
        """Do nothing."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    return {
        "hostname": host,
        "host": address,
        "port": port,
        "family": socket.AF_INET if ipaddress.ip_address(address).version == 4 else socket.AF_INET6,
        "proto": 0,
        "flags": socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    }
