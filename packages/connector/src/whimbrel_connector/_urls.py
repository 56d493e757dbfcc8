"""Parsing URLs that may have a password in them."""

from __future__ import annotations

from yarl import URL

__all__ = ["parse_url"]


def parse_url(text: URL | str) -> URL | None:
    """Return the URL, or `None` if it is none.

    What yarl raises is not for others to see: it quotes, itself or by its cause, what it stumbled
    over, which in a broken URL may be the password. For `http://[]@` it raises `IndexError`.
    """
    try:
        return URL(text)
    except (ValueError, IndexError):
        return None
