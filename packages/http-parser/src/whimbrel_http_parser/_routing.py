"""Whom a request is for: its target and its Host (RFC 9112 section 3.2)."""

from whimbrel_http_parser._grammar import AUTHORITY_FORM, HOST, ORIGIN_OR_ABSOLUTE_FORM
from whimbrel_http_parser.errors import MalformedMessage


def check_request_target(method: bytes, target: bytes) -> None:
    """Check that the form of the target is one of the method: RFC 9112 section 3.2.

    Raises:
        MalformedMessage: it is not.
    """
    if method == b"CONNECT":
        if AUTHORITY_FORM.fullmatch(target) is None:
            raise MalformedMessage("the target of CONNECT is no host and port", None, target)
    elif ORIGIN_OR_ABSOLUTE_FORM.fullmatch(target) is None and (method, target) != (
        b"OPTIONS",
        b"*",
    ):
        raise MalformedMessage("the request target is no path and no URI", None, target)


def check_host(version: tuple[int, int], value: bytes | None) -> None:
    """Check Host (RFC 9112 section 3.2): one that can be understood, if HTTP/1.1 is spoken.

    Raises:
        MalformedMessage: it is not.
    """
    if value is None:
        if version == (1, 1):
            raise MalformedMessage("an HTTP/1.1 request without Host")
    elif HOST.fullmatch(value) is None:
        raise MalformedMessage("Host is not one host", None, value)
