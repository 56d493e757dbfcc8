"""An RFC 6265bis cookie jar for any HTTP client."""

from whimbrel_cookiejar._version import __version__

__all__ = ["__version__"]
