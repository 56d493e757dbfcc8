"""Which fields may be sent behind the content (RFC 9110 section 6.5.1)."""

import pytest

from whimbrel_http_parser import EndOfMessage, LocalProtocolError, ResponseReader, chunked_body
from whimbrel_http_parser.testing import feed

FORBIDDEN = [
    "Age", "Authorization", "Cache-Control", "Connection", "Content-Encoding", "Content-Length",
    "Content-Range", "Content-Type", "Cookie", "Date", "Expect", "Expires", "Forwarded", "Host",
    "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "If-Unmodified-Since",
    "Keep-Alive", "Location", "Max-Forwards", "Proxy-Authenticate", "Proxy-Authorization",
    "Proxy-Connection", "Range", "Retry-After", "Set-Cookie", "TE", "Trailer", "Transfer-Encoding",
    "Upgrade", "Vary", "Warning", "Www-Authenticate",
]  # fmt: skip


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_has_a_meaning_in_the_header_is_no_trailer(name: str) -> None:
    for form in (name, name.lower(), name.upper()):
        body = chunked_body()
        with pytest.raises(LocalProtocolError, match=f"the field {form} must not be a trailer"):
            body.end([("X-Before", "a"), (form, "b")])
        # Nothing was written: the body can be ended all the same.
        assert body.end() == b"0\r\n\r\n"


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_is_read_as_a_trailer_is_kept_apart(name: str) -> None:
    # A recipient cannot know what every sender takes for a trailer; it only must not merge them.
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    trailer = name.encode() + b": 5\r\n"
    feeding = feed("whole", [head + b"0\r\n" + trailer + b"\r\n"], ResponseReader())
    assert feeding.events[-1] == EndOfMessage(((name.encode(), b"5"),))


@pytest.mark.parametrize("name", ["Content-MD5", "Digest", "ETag", "Server-Timing", "X-Host"])
def test_other_fields_are_written(name: str) -> None:
    assert chunked_body().end([(name, "a")]) == f"0\r\n{name}: a\r\n\r\n".encode()
