"""The one timer for all idle connections of a connector."""

from __future__ import annotations

from math import ceil, inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["ExpiryTimer"]


class ExpiryTimer:
    """Calls back when the connection that expires first does.

    Args:
        on_expiry: what is called, once for each `arm`.
        ceil_threshold: from how many seconds on it is called on a whole second.
    """

    __slots__ = ("_ceil_threshold", "_handle", "_on_expiry", "when")

    def __init__(self, on_expiry: Callable[[], None], ceil_threshold: float) -> None:
        self._on_expiry = on_expiry
        self._ceil_threshold = ceil_threshold
        self._handle: asyncio.TimerHandle | None = None
        #: What it is armed for; `inf` when it is not.
        self.when = inf

    def arm(self, loop: asyncio.AbstractEventLoop, when: float) -> None:
        """Call back at `when`, unless it is armed for an earlier time already."""
        if when >= self.when:
            return
        self.cancel()
        self.when = when
        if when - loop.time() >= self._ceil_threshold:
            when = float(ceil(when))
        self._handle = loop.call_at(when, self._fire)

    def cancel(self) -> None:
        """Do not call back."""
        handle, self._handle = self._handle, None
        self.when = inf
        if handle is not None:
            handle.cancel()

    def _fire(self) -> None:
        self._handle = None
        self.when = inf
        self._on_expiry()
