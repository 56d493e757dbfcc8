"""What must hold after any fault: the error says what happened, and the session still works."""

from __future__ import annotations

import pickle

from tools.webapp.faults import answer_each, raw_server
from whimbrel import ClientError, ClientSession, TCPConnector

__all__ = ["assert_still_works", "assert_tells", "fetch"]

_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def fetch(session: ClientSession, url: str) -> bytes:
    """Return the content of `url`."""
    async with session.get(url) as response:
        content: bytes = await response.read()
        return content


def assert_tells(error: ClientError, *words: str) -> None:
    """The error says what happened in bounded, printable words, and can leave the process."""
    text = str(error)
    assert text.isprintable()
    assert 0 < len(text) < 1000
    for word in words:
        assert word.lower() in text.lower(), f"{word!r} is not in {text!r}"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), text)


async def assert_still_works(session: ClientSession) -> None:
    """The failed connection is gone, and the session serves the next request."""
    connector = session.connector
    assert isinstance(connector, TCPConnector)
    statistics = connector.statistics()
    assert (statistics.open, statistics.connecting) == (0, 0)
    assert (statistics.in_use, statistics.waiting) == (0, 0)
    async with raw_server(answer_each(_OK)) as healthy:
        assert await fetch(session, healthy.url) == b"ok"
