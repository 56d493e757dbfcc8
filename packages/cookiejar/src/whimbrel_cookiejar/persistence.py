"""Saving and loading a jar: the methods that `CookieJar` has for it, over formats and files."""

from __future__ import annotations

import logging
import os
from abc import abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from whimbrel_cookiejar.abstract import AbstractCookieJar
from whimbrel_cookiejar.cookies_txt import cookies_from_txt, cookies_to_txt
from whimbrel_cookiejar.errors import CookieFileError
from whimbrel_cookiejar.files import MAX_FILE_SIZE, read_file, write_file
from whimbrel_cookiejar.json_format import cookies_from_json, cookies_to_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from whimbrel_cookiejar.cookie import Cookie, Rejected

__all__ = ["PersistentCookieJar"]

_logger = logging.getLogger("whimbrel_cookiejar")


class PersistentCookieJar(AbstractCookieJar):
    """A jar that can be saved and loaded, as its own JSON and as a Netscape cookies.txt.

    What is loaded goes through the rules like what a server sends, so that no file makes a jar hold
    what they forbid: a cookie that they refuse is left out. A text that is damaged or of another
    format is an error as a whole, which leaves the jar as it was.

    Files are read and written at once, by the thread that calls. There are no pickles.
    """

    # Our own JSON.

    def save(
        self,
        file_path: str | os.PathLike[str],
        *,
        session_cookies: bool = True,
        now: float | None = None,
    ) -> None:
        """Save the cookies as JSON, into a file that only its owner may read (mode 0600).

        The file is replaced as a whole or not at all, a symbolic link too; its directory must be
        writable.

        Args:
            file_path: the file. It need not exist.
            session_cookies: whether to save the cookies without a life time, too.
            now: the time; `None` for the present.

        Raises:
            OSError: it could not be written; a file that was there is as it was.
        """
        write_file(file_path, self.dumps(session_cookies=session_cookies, now=now).encode())

    def load(
        self,
        file_path: str | os.PathLike[str],
        *,
        merge: bool = False,
        max_size: int = MAX_FILE_SIZE,
        now: float | None = None,
    ) -> list[tuple[int, Rejected]]:
        """Load cookies from a file that `save` has written, or aiohttp (3.14.1 or later).

        Args:
            file_path: the file.
            merge: whether to keep the cookies of the jar that the file does not replace; without
                it, the jar has those of the file only.
            max_size: the bytes that the file may have.
            now: the time; `None` for the present.

        Returns:
            The cookies that the rules or the jar's options refuse, each as its number in the file
            (from 1 on) and the reason. Those whose time has passed are not among them.

        Raises:
            OSError: the file could not be read.
            CookieFileError: it is damaged, of another format, or too large; the jar is as it was.
        """
        with _named(file_path):
            return self.loads(read_file(file_path, max_size), merge=merge, now=now)

    def dumps(self, *, session_cookies: bool = True, now: float | None = None) -> str:
        """Return what `save` writes, for those who keep it elsewhere; it is ASCII.

        Args:
            session_cookies: whether to save the cookies without a life time, too.
            now: the time; `None` for the present.
        """
        return cookies_to_json(self._to_save(session_cookies, now))

    def loads(
        self, text: str | bytes, *, merge: bool = False, now: float | None = None
    ) -> list[tuple[int, Rejected]]:
        """Load cookies from what `dumps` has returned; see `load`.

        Args:
            text: as text, or in UTF-8.
            merge: whether to keep the cookies of the jar that the text does not replace.
            now: the time; `None` for the present.

        Raises:
            CookieFileError: the text is damaged or of another format; the jar is as it was.
        """
        return self._load(cookies_from_json(text), merge, now)

    # The Netscape cookies.txt.

    def save_cookies_txt(
        self,
        file_path: str | os.PathLike[str],
        *,
        session_cookies: bool = True,
        now: float | None = None,
    ) -> list[Rejected]:
        """Save the cookies as a cookies.txt, for curl, wget, yt-dlp and `http.cookiejar`.

        The format has no place for SameSite, Partitioned and times other than the expiry. The file
        is written as `save` does it.

        Args:
            file_path: the file. It need not exist.
            session_cookies: whether to save the cookies without a life time, too.
            now: the time; `None` for the present.

        Returns:
            Why cookies were left out that a cookies.txt cannot have: those for every host, and
            those with a tab.

        Raises:
            OSError: it could not be written; a file that was there is as it was.
        """
        text, left_out = self.dumps_cookies_txt(session_cookies=session_cookies, now=now)
        write_file(file_path, text.encode("utf-8", "surrogateescape"))
        return left_out

    def load_cookies_txt(
        self,
        file_path: str | os.PathLike[str],
        *,
        merge: bool = False,
        max_size: int = MAX_FILE_SIZE,
        now: float | None = None,
    ) -> list[tuple[int, Rejected]]:
        """Load cookies from a cookies.txt of any program.

        Args:
            file_path: the file.
            merge: whether to keep the cookies of the jar that the file does not replace; without
                it, the jar has those of the file only.
            max_size: the bytes that the file may have.
            now: the time; `None` for the present.

        Returns:
            The lines that are no cookie, or one that the rules or the jar's options refuse, each as
            its number (from 1 on) and the reason. Those whose time has passed are not among them.

        Raises:
            OSError: the file could not be read.
            CookieFileError: it is no cookies.txt, or too large; the jar is as it was.
        """
        with _named(file_path):
            return self.loads_cookies_txt(read_file(file_path, max_size), merge=merge, now=now)

    def dumps_cookies_txt(
        self, *, session_cookies: bool = True, now: float | None = None
    ) -> tuple[str, list[Rejected]]:
        """Return what `save_cookies_txt` writes, and what it returns.

        When bytes that are not UTF-8 were stored, encode the text with `surrogateescape`.

        Args:
            session_cookies: whether to save the cookies without a life time, too.
            now: the time; `None` for the present.
        """
        return cookies_to_txt(self._to_save(session_cookies, now))

    def loads_cookies_txt(
        self, text: str | bytes, *, merge: bool = False, now: float | None = None
    ) -> list[tuple[int, Rejected]]:
        """Load cookies from the text of a cookies.txt; see `load_cookies_txt`.

        Args:
            text: as text, or in UTF-8; bytes that are not UTF-8 become surrogate escapes.
            merge: whether to keep the cookies of the jar that the text does not replace.
            now: the time; `None` for the present.

        Raises:
            CookieFileError: this is no cookies.txt; the jar is as it was.
        """
        return self._load(cookies_from_txt(text), merge, now)

    def __reduce__(self) -> NoReturn:
        # Its cookies are credentials, and whoever reads a pickle runs what is in it.
        raise TypeError(
            f"a {type(self).__qualname__} cannot be pickled: use dumps() and loads(), or save() and"
            " load()"
        )

    # Behind both, and what a jar must have for it.

    def _to_save(self, session_cookies: bool, now: float | None) -> list[Cookie]:
        cookies = self._in_order(now)
        return cookies if session_cookies else [each for each in cookies if each.persistent]

    def _load(
        self, found: list[tuple[int, Cookie | Rejected]], merge: bool, now: float | None
    ) -> list[tuple[int, Rejected]]:
        left_out = self._restore(found, merge, now)
        if left_out:
            # Programs written for aiohttp do not look at what `load` returns.
            number, first = left_out[0]
            _logger.warning(
                "%d of %d saved cookies were not loaded, the first being number %d, '%s': %s",
                len(left_out), len(found), number, first.name, first.reason,
            )  # fmt: skip
        return left_out

    @abstractmethod
    def _in_order(self, now: float | None) -> list[Cookie]:
        """Return the cookies whose time has not passed, in the order in which they were created."""

    @abstractmethod
    def _restore(
        self, found: Iterable[tuple[int, Cookie | Rejected]], merge: bool, now: float | None
    ) -> list[tuple[int, Rejected]]:
        """Take each cookie that the rules admit and whose time has not passed.

        Args:
            found: what a file had, with numbers.
            merge: whether to keep the cookies that are there.
            now: the time; `None` for the present.

        Returns:
            What was refused, with its number.
        """


@contextmanager
def _named(file_path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in the error of what is loaded from it."""
    try:
        yield
    except CookieFileError as error:
        raise error.in_file(os.fspath(file_path)) from None  # which says no more
