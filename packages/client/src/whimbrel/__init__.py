"""An asyncio HTTP and WebSocket client with the ClientSession API."""

from whimbrel._version import __version__

__all__ = ["__version__"]
