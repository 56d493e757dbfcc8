"""A WebSocket echo by the `websockets` library: `python -m ... PORT [CHAIN KEY]`.

/ echoes; /refuse answers the handshake with 404; /close?CODE closes after the first message;
/ping sends a ping and, when it is answered, the text "ponged".
"""

from __future__ import annotations

import asyncio
import http
import ssl
import sys
from collections.abc import Sequence

from websockets import Subprotocol
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

MAX_MESSAGE_SIZE = 16 * 1024 * 1024
SUBPROTOCOLS = [Subprotocol("superchat"), Subprotocol("chat")]


def refuse(connection: ServerConnection, request: Request) -> Response | None:
    """Answer /refuse without a WebSocket."""
    if request.path == "/refuse":
        return connection.respond(http.HTTPStatus.NOT_FOUND, "no WebSocket here\n")
    return None


def choose(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Choose a subprotocol; none is fine too (the library's own choice would refuse that)."""
    return next((name for name in SUBPROTOCOLS if name in offered), None)


async def echo(connection: ServerConnection) -> None:
    """Serve one connection."""
    path = connection.request.path if connection.request else "/"
    try:
        if path == "/ping":
            pong = await connection.ping()
            await pong
            await connection.send("ponged")
        async for message in connection:
            if path.startswith("/close?"):
                await connection.close(int(path.partition("?")[2]), "as you wish")
                return
            await connection.send(message)
    except ConnectionClosed:
        return  # the client may leave as it likes


async def main(port: int, files: list[str]) -> None:
    """Serve until the process is told to end."""
    context = None
    if files:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*files)
    server = serve(
        echo,
        "127.0.0.1",
        port,
        ssl=context,
        process_request=refuse,
        subprotocols=SUBPROTOCOLS,
        select_subprotocol=choose,
        max_size=MAX_MESSAGE_SIZE,
    )
    async with server as running:
        await running.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2:]))
