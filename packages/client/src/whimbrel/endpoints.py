"""From a URL and the request's options to the endpoint that its connection leads to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yarl import URL

from whimbrel.errors import InvalidUrlClientError, NonHttpUrlClientError
from whimbrel.fields import list_fields
from whimbrel_connector import Endpoint, Proxy

if TYPE_CHECKING:
    from ssl import SSLContext

    from whimbrel.options import RequestOptions
    from whimbrel_connector import Fingerprint

__all__ = ["Endpoints"]

_SECURE = {"http": False, "https": True, "ws": False, "wss": True}
_MAX_CACHED = 1000

_Key = tuple[str, str | None, int | None, "SSLContext | bool | Fingerprint", str | None]


class Endpoints:
    """Makes endpoints, and remembers those of the last origins that were asked for."""

    def __init__(self) -> None:
        self._cache: dict[_Key, Endpoint] = {}

    def endpoint(self, url: URL, options: RequestOptions) -> Endpoint:
        """Return the endpoint for `url`.

        Raises:
            NonHttpUrlClientError: the scheme is not one of HTTP or WebSocket.
            InvalidUrlClientError: the URL has no host, or no valid port.
            ValueError: the proxy's URL is not one of a proxy.
        """
        key = (url.scheme, url.raw_host, url.port, options.ssl, options.server_hostname)
        endpoint = self._cache.get(key)
        if endpoint is None or options.proxy is not None:
            endpoint = _make(url, options)
            if options.proxy is None:
                if len(self._cache) >= _MAX_CACHED:
                    self._cache.pop(next(iter(self._cache)))
                self._cache[key] = endpoint
        return endpoint


def _make(url: URL, options: RequestOptions) -> Endpoint:
    is_ssl = _SECURE.get(url.scheme)
    if is_ssl is None:
        raise NonHttpUrlClientError(
            f"{str(url)[:256]!r} - the scheme is not http, https, ws or wss"
        )
    if not url.raw_host:
        raise InvalidUrlClientError(url, "the URL has no host")
    if url.port is None:
        raise InvalidUrlClientError(url, "the URL has no port")
    return Endpoint(
        host=url.raw_host,
        port=url.port,
        is_ssl=is_ssl,
        ssl=options.ssl,
        server_hostname=options.server_hostname,
        proxy=_proxy(options),
        tunnel=url.scheme in {"ws", "wss"},
    )


def _proxy(options: RequestOptions) -> Proxy | None:
    if options.proxy is None:
        return None
    auth = options.proxy_auth
    return Proxy.from_url(
        URL(options.proxy),
        auth=None if auth is None else auth.encode(),
        headers=tuple(list_fields(options.proxy_headers)),
    )
