"""Where an asyncio HTTP client's connections come from: pool, DNS, TLS, proxies."""

from whimbrel_connector._version import __version__

__all__ = ["__version__"]
