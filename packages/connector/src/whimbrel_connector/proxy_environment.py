"""Which proxy the environment names for a URL: `http_proxy`, `no_proxy` and the like."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final, NamedTuple

from whimbrel_connector._no_proxy import NoProxy, parse_host
from whimbrel_connector._urls import parse_url
from whimbrel_connector.endpoint import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yarl import URL

__all__ = ["EnvironmentProxies"]

_LOOKED_AT: Final = {
    "http": ("http_proxy", "all_proxy"),
    "https": ("https_proxy", "all_proxy"),
    "ws": ("ws_proxy", "http_proxy", "all_proxy"),
    "wss": ("wss_proxy", "https_proxy", "all_proxy"),
}
"""The variables for each scheme; the first one that is not empty wins."""
_NO_URL: Final = re.compile(r"[\x00-\x20\x7f\ud800-\udfff]")
"""What yarl would leave out: control characters, spaces, and what was not UTF-8."""
_MAX_FAULT: Final = 200
"""How much is told of what is wrong, in characters: a scheme may be of any length."""


class _Setting(NamedTuple):
    """What a variable says: a proxy, or why it is none."""

    variable: str
    proxy: Proxy | None
    fault: str


class EnvironmentProxies:
    """The proxies that environment variables name; read once, not to be changed.

    `http_proxy` and `https_proxy` are for URLs of these schemes, and for those of `ws` and `wss`
    where `ws_proxy` and `wss_proxy` name none; `all_proxy` is for what is left. A value is a URL,
    whose credentials become the proxy's, or `host:port`, which is `http://host:port`; an empty one
    names no proxy. `no_proxy` lists the hosts that are reached directly.

    Each variable is looked for in lower case, then in upper case; an empty one in lower case hides
    the other. Where there is a `REQUEST_METHOD`, a program answers a request by CGI, and
    `HTTP_PROXY` may be the `Proxy` field of that request (CVE-2016-5385): it is ignored.

    Args:
        variables: environment variables by name; they are copied.
        bypass: tells of a host that it is to be reached directly, in addition to `no_proxy`.
    """

    __slots__ = ("_bypass", "_no_proxy", "_settings")

    def __init__(
        self, variables: Mapping[str, str], *, bypass: Callable[[str], bool] | None = None
    ) -> None:
        # The copy of os.environ has the names as they are; itself it ignores case on Windows,
        # where HTTP_PROXY would pass for http_proxy.
        variables = dict(variables)
        names = dict.fromkeys(name for names in _LOOKED_AT.values() for name in names)
        settings = {name: _setting(variables, name) for name in names}
        self._settings: Final = {
            scheme: next((found for name in names if (found := settings[name])), None)
            for scheme, names in _LOOKED_AT.items()
        }
        self._no_proxy: Final = NoProxy(_value(variables, "no_proxy")[1])
        self._bypass: Final = bypass

    @classmethod
    def from_environment(cls) -> EnvironmentProxies:
        """Read the environment of this process.

        On macOS and Windows, an environment that names no proxy leaves it to the system's
        settings, as far as `urllib.request` knows them; see `may_block`.
        """
        proxies = cls(os.environ)
        if any(proxies._settings.values()) or not _has_settings(sys.platform):
            return proxies
        # Slow to import, and only needed here.
        from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415

        named = {f"{scheme}_proxy": url for scheme, url in getproxies().items()}
        return cls(named, bypass=lambda host: bool(proxy_bypass(host)))

    @property
    def may_block(self) -> bool:
        """Whether asking may take its time, so that it is better done in a thread.

        It never does with environment variables. The system's list of exceptions is another
        matter: for some, `urllib.request` looks up the name.
        """
        return self._bypass is not None

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for a server, or `None` if it is to be reached directly.

        A redirect leads to another server: ask again for each.

        Args:
            scheme: `http`, `https`, `ws` or `wss`.
            host: a name, or an IP address without brackets.
            port: the port, the default one included.

        Raises:
            ValueError: it is another scheme, or the variable that names the proxy for this one
                cannot be understood.
        """
        if scheme not in self._settings:
            raise ValueError(
                f"there are proxies for the schemes {', '.join(self._settings)},"
                f" not for {scheme[:20]!r}"
            )
        setting = self._settings[scheme]
        if setting is None or self._no_proxy.covers(host, port):
            return None
        if self._bypass is not None and self._bypass(host):
            return None
        if setting.proxy is None:
            raise ValueError(f"{setting.variable} names no usable proxy: {setting.fault}")
        return setting.proxy

    def proxy_for_url(self, url: URL | str) -> Proxy | None:
        """Return the proxy for a URL, or `None` if its server is to be reached directly.

        Args:
            url: an absolute URL.

        Raises:
            ValueError: as of `proxy_for`, or it is no URL, or one that has no host.
        """
        parsed = parse_url(url)
        if parsed is None:
            raise ValueError("what is no URL leads to no proxy")
        if not parsed.raw_host:
            raise ValueError("a URL without a host leads to no proxy")
        return self.proxy_for(parsed.scheme, parsed.raw_host, parsed.port or 0)

    def __repr__(self) -> str:
        variables = dict.fromkeys(found.variable for found in self._settings.values() if found)
        return f"<EnvironmentProxies of {', '.join(variables) or 'nothing'}>"


def _has_settings(platform: str) -> bool:
    return platform in {"darwin", "win32"}


def _value(variables: Mapping[str, str], name: str) -> tuple[str, str]:
    """Return the name under which a variable is there, and what it says."""
    value = variables.get(name)
    if value is not None:
        return name, value.strip()
    upper = name.upper()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in variables:
        return upper, ""
    return upper, variables.get(upper, "").strip()


def _setting(variables: Mapping[str, str], name: str) -> _Setting | None:
    variable, value = _value(variables, name)
    if not value:
        return None
    parsed = _parse_proxy(value)
    if isinstance(parsed, str):
        return _Setting(variable, None, parsed)
    return _Setting(variable, parsed, "")


def _parse_proxy(value: str) -> Proxy | str:
    """Return the proxy that a variable names, or why it names none.

    What is wrong is told without the value, where a password may be, in any part of it if the URL
    is broken; without the exceptions that quote it, either.
    """
    if _NO_URL.search(value):
        return "it has a character that no URL has"
    url = parse_url(value if "://" in value else f"http://{value}")
    if url is None or not url.absolute:
        return "it is no URL with a host and a port"
    if parse_host(url.raw_host or "") is None:
        return "its host is neither a name nor an address"
    if url.port == 0:
        return "its port is 0"
    try:
        return Proxy.from_url(url)
    except ValueError:
        pass
    try:
        Proxy.from_url(url.with_user(None))
    except ValueError as exc:
        return str(exc)[:_MAX_FAULT]
    return "its credentials cannot be used"
