"""HTTP Basic authentication (RFC 7617), and which credentials a request to a URL carries."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple, Self

if TYPE_CHECKING:
    from yarl import URL

__all__ = ["BasicAuth", "DefaultAuth", "origin", "split_credentials"]


class _BasicAuthFields(NamedTuple):
    login: str
    password: str = ""
    encoding: str = "latin1"


class BasicAuth(_BasicAuthFields):
    """Credentials of HTTP Basic authentication.

    Args:
        login: the user name; it must not contain a colon (RFC 7617 section 2).
        password: the password.
        encoding: the character encoding of both on the wire.

    Raises:
        ValueError: one of the two is `None`, or the login has a colon.
    """

    __slots__ = ()

    def __new__(cls, login: str, password: str = "", encoding: str = "latin1") -> Self:
        """Check the parts: a colon in the login would move the boundary between the two."""
        if login is None:
            raise ValueError("None is not allowed as login value")
        if password is None:
            raise ValueError("None is not allowed as password value")
        if ":" in login:
            raise ValueError('A ":" is not allowed in login (RFC 7617 section 2)')
        return super().__new__(cls, login, password, encoding)

    @classmethod
    def decode(cls, auth_header: str, encoding: str = "latin1") -> Self:
        """Make the credentials from the value of an Authorization field.

        Raises:
            ValueError: the value is not Basic credentials.
        """
        scheme, _, credentials = auth_header.strip().partition(" ")
        if scheme.lower() != "basic":
            raise ValueError(f"Not Basic authentication but {scheme[:32]!r}")
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True).decode(encoding)
        except (binascii.Error, UnicodeDecodeError) as exc:
            raise ValueError("Invalid base64 or characters in Basic credentials") from exc
        login, colon, password = decoded.partition(":")
        if not colon:
            raise ValueError("Basic credentials without a colon")
        return cls(login, password, encoding)

    @classmethod
    def from_url(cls, url: URL, *, encoding: str = "latin1") -> Self | None:
        """Make the credentials from a URL's user and password, or `None` where it has neither."""
        if url.user is None and url.password is None:
            return None
        return cls(url.user or "", url.password or "", encoding)

    def __repr__(self) -> str:
        """Show who, but not the password: a representation ends up in logs."""
        return f"{type(self).__name__}(login={self.login!r}, password=..., ...)"

    def encode(self) -> str:
        """Return the value for an Authorization field."""
        credentials = f"{self.login}:{self.password}".encode(self.encoding)
        return f"Basic {base64.b64encode(credentials).decode('ascii')}"


def split_credentials(url: URL) -> tuple[URL, BasicAuth | None]:
    """Return the URL without its user information, and the credentials that it carried.

    User information never goes into a request's target or Host field (RFC 9110 section 4.2.4).
    """
    if url.raw_user is None and url.raw_password is None:
        return url, None
    return url.with_user(None), BasicAuth.from_url(url, encoding="utf-8")


class DefaultAuth(NamedTuple):
    """The credentials of a session, and the origin that they are for.

    Attributes:
        auth: the credentials, or `None`.
        base_url: they are for its origin only; `None` sends them to whatever is asked first.
    """

    auth: BasicAuth | None = None
    base_url: URL | None = None

    def choose(self, url: URL, own: BasicAuth | None, *, in_fields: bool) -> BasicAuth | None:
        """Return the credentials for the first request to `url`; nearer the caller wins.

        Args:
            url: the URL, without user information.
            own: what the request's `auth` or its URL says.
            in_fields: whether the request has an Authorization field.

        Raises:
            ValueError: the caller gives credentials both ways.
        """
        if own is not None and in_fields:
            raise ValueError("Cannot combine AUTHORIZATION header with AUTH argument")
        if own is not None or in_fields or self.auth is None:
            return own
        if self.base_url is None or origin(url) == origin(self.base_url):
            return self.auth
        return None


def origin(url: URL) -> tuple[str, str, int | None]:
    """Return scheme, host and port of `url` (RFC 9110 section 4.3.1).

    Not `URL.origin()`, for which a default port that is written out makes another origin.
    """
    return url.scheme, (url.raw_host or "").lower(), url.port
