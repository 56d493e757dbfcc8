"""What `filter_cookies` returns: cookies of `http.cookies` that cost little to hand out.

The containers are new for each request, and may be changed. Their morsels are made once for each
version of a cookie and are the same in all containers: so they are read-only, and no program can
change what another request sends.
"""

from __future__ import annotations

from http.cookies import BaseCookie, Morsel, SimpleCookie
from typing import TYPE_CHECKING, Any, NoReturn, cast

from whimbrel_cookiejar.morsels import fill_morsel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from whimbrel_cookiejar.cookie import Cookie

__all__ = ["SentBaseCookie", "SentMorsel", "SentSimpleCookie", "sent_cookies", "sent_morsel"]


class SentMorsel(Morsel[str]):
    """A morsel that cannot be changed; its `copy()` is one that can."""

    def _refuse(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError(
            "the morsels of filter_cookies are shared between requests: change a copy()"
        )

    # All that a morsel changes by, with its many signatures.
    __setitem__: Any = _refuse
    __delitem__: Any = _refuse
    __ior__: Any = _refuse
    __setstate__: Any = _refuse
    clear: Any = _refuse
    pop: Any = _refuse
    popitem: Any = _refuse
    set: Any = _refuse
    setdefault: Any = _refuse
    update: Any = _refuse

    def __reduce_ex__(self, protocol: Any) -> Any:
        # A copy of any kind is somebody's own.
        return _own_morsel, (self.key, self.value, self.coded_value, dict(self))


def _own_morsel(name: str, value: str, coded_value: str, attributes: dict[str, str]) -> Morsel[str]:
    morsel: Any = Morsel()
    morsel.__setstate__({"key": name, "value": value, "coded_value": coded_value})
    dict.update(morsel, attributes)
    return cast("Morsel[str]", morsel)


class SentBaseCookie(BaseCookie[str]):
    """A `BaseCookie` that replaces read-only morsels where another one would change them."""

    def __setitem__(self, key: str, value: str | Morsel[str]) -> None:
        self._own(key)
        super().__setitem__(key, value)

    def load(self, rawdata: Any) -> None:
        """Add what `rawdata` has, as `BaseCookie.load` does."""
        for key in list(self):
            self._own(key)
        super().load(rawdata)

    def _own(self, key: str) -> None:
        shared = self.get(key)
        if isinstance(shared, SentMorsel):
            dict.__setitem__(self, key, shared.copy())


class SentSimpleCookie(SentBaseCookie, SimpleCookie):
    """A `SimpleCookie` that does so."""


def sent_morsel(cookie: Cookie, *, quoted: bool) -> SentMorsel:
    """Return a cookie as `filter_cookies` shows it: without attributes.

    Args:
        cookie: the cookie.
        quoted: whether quotes around a value are a convention, so that the morsel's `value` has
            none, or a part of the value.
    """
    morsel = SentMorsel.__new__(SentMorsel)
    fill_morsel(morsel, cookie.name, cookie.value, unquote=quoted)
    return morsel


def sent_cookies(morsels: Mapping[str, SentMorsel], *, quoted: bool) -> BaseCookie[str]:
    """Return morsels in a new container.

    Args:
        morsels: by name, in the order of sending.
        quoted: whether it is to quote what is put into it (`SimpleCookie`) or not (`BaseCookie`).
    """
    found: BaseCookie[str] = SentSimpleCookie() if quoted else SentBaseCookie()
    # `dict`'s method, because that of `BaseCookie` refuses names.
    dict.update(found, morsels)
    return found
