"""HTTP/1.1 on the wire as bytes and events: a sans-I/O parser and serialiser."""

from whimbrel_http_parser._version import __version__

__all__ = ["__version__"]
