"""What a caller may say about one request, merged with what the session says: a frozen value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

from whimbrel.fields import list_fields
from whimbrel.timeouts import DEFAULT_TIMEOUT, ClientTimeout
from whimbrel_connector import Proxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping
    from ssl import SSLContext

    from yarl import URL, Query

    from whimbrel.auth import BasicAuth
    from whimbrel.fields import LooseHeaders
    from whimbrel.response import ClientResponse
    from whimbrel_connector import Fingerprint

__all__ = ["ConnectionOptionsDict", "RequestOptions", "RequestOptionsDict", "as_timeout"]


class ConnectionOptionsDict(TypedDict, total=False):
    """The keyword parameters that `ClientSession.request` and `ws_connect` have in common."""

    params: Query
    auth: BasicAuth | None
    proxy: str | URL | Proxy | None
    proxy_auth: BasicAuth | None
    proxy_headers: LooseHeaders | None
    ssl: SSLContext | bool | Fingerprint
    server_hostname: str | None


class RequestOptionsDict(ConnectionOptionsDict, total=False):
    """The keyword parameters of `ClientSession.request`."""

    data: Any
    json: Any
    cookies: Mapping[str, Any] | Iterable[tuple[str, Any]] | None
    headers: LooseHeaders | None
    skip_auto_headers: Iterable[str] | None
    allow_redirects: bool
    max_redirects: int
    compress: str | bool | None
    chunked: bool | None
    raise_for_status: bool | Callable[[ClientResponse], Awaitable[None]] | None
    read_bufsize: int | None
    timeout: ClientTimeout | float | None
    auto_decompress: bool | None


class RequestOptions(NamedTuple):
    """The options of one request. `ClientSession` makes one with its own defaults once."""

    params: Query = None
    data: Any = None
    json: Any = None
    cookies: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None
    headers: LooseHeaders | None = None
    skip_auto_headers: Iterable[str] | None = None
    auth: BasicAuth | None = None
    allow_redirects: bool = True
    max_redirects: int = 10
    compress: str | bool | None = None
    chunked: bool | None = None
    raise_for_status: bool | Callable[[ClientResponse], Awaitable[None]] = False
    read_bufsize: int = 2**16
    proxy: str | URL | Proxy | None = None
    proxy_auth: BasicAuth | None = None
    proxy_headers: LooseHeaders | None = None
    timeout: ClientTimeout = DEFAULT_TIMEOUT
    ssl: SSLContext | bool | Fingerprint = True
    server_hostname: str | None = None
    auto_decompress: bool = True

    def merged(self, changes: RequestOptionsDict) -> RequestOptions:
        """Return these options with `changes`; where `None` means "as the session", it does.

        Raises:
            TypeError: there is no option of such a name.
            ValueError: `data` and `json` are given both.
        """
        unknown = changes.keys() - _NAMES
        if unknown:
            raise TypeError(f"Unknown request option(s): {', '.join(sorted(unknown))}")
        values: dict[str, Any] = {
            name: value
            for name, value in changes.items()
            if value is not None or name not in _SESSION_WHEN_NONE
        }
        if values.get("data") is not None and values.get("json") is not None:
            raise ValueError("data and json parameters can not be used at the same time")
        if "timeout" in values:
            values["timeout"] = as_timeout(values["timeout"])
        if isinstance(values.get("proxy"), Proxy):
            values.setdefault("proxy_auth", None)  # the session's is not for this one
        # Each hop asks for these again, and an iterator would have nothing left to say.
        if values.get("skip_auto_headers") is not None:
            values["skip_auto_headers"] = frozenset(values["skip_auto_headers"])
        if values.get("proxy_headers") is not None:
            values["proxy_headers"] = tuple(list_fields(values["proxy_headers"]))
        return self._replace(**values)


_NAMES = frozenset(RequestOptions._fields)
_SESSION_WHEN_NONE = frozenset(
    (
        "auth",
        "auto_decompress",
        "proxy",
        "proxy_auth",
        "raise_for_status",
        "read_bufsize",
        "ssl",
        "timeout",
    )
)


def as_timeout(value: object) -> ClientTimeout:
    """Return the timeout that `value` is, or that a plain number (of seconds in total) means.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, ClientTimeout):
        return value
    if isinstance(value, (int, float)):
        return ClientTimeout(total=value)
    raise TypeError(f"timeout is {type(value).__name__}; it can be a ClientTimeout or seconds")
