"""An RFC 6265bis cookie jar for any HTTP client."""

from whimbrel_cookiejar._version import __version__
from whimbrel_cookiejar.abstract import (
    AbstractCookieJar,
    ClearCookiePredicate,
    DummyCookieJar,
    LooseCookies,
)
from whimbrel_cookiejar.cookie import Cookie, Rejected
from whimbrel_cookiejar.errors import CookieFileError
from whimbrel_cookiejar.interfaces import PublicSuffixes
from whimbrel_cookiejar.jar import CookieJar
from whimbrel_cookiejar.limits import CookieLimits
from whimbrel_cookiejar.morsels import parse_set_cookies
from whimbrel_cookiejar.public_suffixes import PublicSuffixList

__all__ = [
    "AbstractCookieJar",
    "ClearCookiePredicate",
    "Cookie",
    "CookieFileError",
    "CookieJar",
    "CookieLimits",
    "DummyCookieJar",
    "LooseCookies",
    "PublicSuffixList",
    "PublicSuffixes",
    "Rejected",
    "__version__",
    "parse_set_cookies",
]
