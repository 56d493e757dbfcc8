"""The ASGI application: HTTP by `ROUTES`, a WebSocket echo at /ws, and the lifespan."""

from __future__ import annotations

from urllib.parse import parse_qs

from tools.webapp.exchange import Exchange, Receive, Scope, Send
from tools.webapp.routes import ROUTES

__all__ = ["application"]

SUBPROTOCOLS = ("superchat", "chat")
"""What /ws speaks, in its order of preference."""


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one HTTP request, one WebSocket or the server's lifespan."""
    if scope["type"] == "http":
        await _serve_http(scope, receive, send)
    elif scope["type"] == "websocket":
        await _serve_websocket(scope, receive, send)
    else:
        await _serve_lifespan(receive, send)


async def _serve_http(scope: Scope, receive: Receive, send: Send) -> None:
    exchange = Exchange(scope, receive, send)
    name, *parts = exchange.path.removeprefix("/").split("/")
    route = ROUTES.get(name)
    if route is None:
        return await exchange.answer(b"no such page\n", status=404)
    try:
        return await route(exchange, parts)
    except (IndexError, KeyError, ValueError) as exc:
        # Routes parse their parameters before they answer.
        return await exchange.answer(f"bad parameters: {exc!r}\n".encode(), status=400)
    except ConnectionError:
        return None  # the client left: there is nobody to answer


async def _serve_websocket(scope: Scope, receive: Receive, send: Send) -> None:
    """Echo every message; with ?close=CODE&reason=TEXT close after the first one."""
    await receive()  # websocket.connect
    if scope["path"] != "/ws":
        await send({"type": "websocket.close"})  # before accept: refused with 403
        return
    offered = scope.get("subprotocols", [])
    chosen = next((name for name in SUBPROTOCOLS if name in offered), None)
    await send({"type": "websocket.accept", "subprotocol": chosen})
    query = {key: values[0] for key, values in parse_qs(scope["query_string"].decode()).items()}
    while (message := await receive())["type"] == "websocket.receive":
        if "close" in query:
            code, reason = int(query["close"]), query.get("reason", "")
            await send({"type": "websocket.close", "code": code, "reason": reason})
            return
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
