"""A SOCKS proxy by the `tiny-proxy` library: `python -m ... PORT VERSION [USER PASSWORD]`.

VERSION is 4, which understands 4a too, or 5. Version 4 wants the user's name alone.
"""

from __future__ import annotations

import sys

import anyio
from tiny_proxy import (  # type: ignore[import-untyped]  # it has no annotations to check
    Socks4ProxyHandler,
    Socks5ProxyHandler,
)


async def main(port: int, version: str, credentials: list[str]) -> None:
    """Serve until the process is told to end."""
    handler = {"4": Socks4ProxyHandler, "5": Socks5ProxyHandler}[version](*credentials)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    await listener.serve(handler.handle)


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]), sys.argv[2], sys.argv[3:])
