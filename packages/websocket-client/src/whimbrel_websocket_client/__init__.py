"""WebSocket (RFC 6455) client: a pure protocol core and a thin asyncio shell."""

from whimbrel_websocket_client._version import __version__

__all__ = ["__version__"]
