"""What can go wrong with a file of cookies, apart from the `OSError`s of any file."""

from __future__ import annotations

__all__ = ["CookieFileError"]


class CookieFileError(ValueError):
    """A file or text of cookies is damaged, of another format, or too large; nothing was loaded.

    It holds no part of the file, as that is full of credentials.

    Attributes:
        reason: what was expected, and what is there instead.
        where: the place, such as "line 3, column 7" or "cookie 12"; empty for the whole.
        path: the file; `None` for a text that came from none.
    """

    def __init__(self, reason: str, where: str = "", path: str | None = None) -> None:
        super().__init__(reason, where, path)
        self.reason = reason
        self.where = where
        self.path = path

    def __str__(self) -> str:
        return ": ".join(part for part in (self.path, self.where, self.reason) if part)

    def in_file(self, path: str) -> CookieFileError:
        """Return the same error, of this file."""
        return type(self)(self.reason, self.where, path)
