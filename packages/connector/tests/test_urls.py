from __future__ import annotations

import pytest
from yarl import URL

from whimbrel_connector._urls import parse_url


@pytest.mark.parametrize("text", ["http://host:1/path", "/path", ""])
def test_urls(text: str) -> None:
    assert parse_url(text) == URL(text)
    assert parse_url(URL(text)) == URL(text)


@pytest.mark.parametrize(
    "text", ["http://[]@", "http://[::1", "http://host:port", "http://:1", "http://a\u2100b"]
)
def test_what_is_no_url(text: str) -> None:
    assert parse_url(text) is None
