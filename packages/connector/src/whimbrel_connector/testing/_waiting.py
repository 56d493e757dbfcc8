"""How doubles let a test wait for what must happen."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "Changes"]

PATIENCE: Final = 5.0
"""How long a test waits for what must happen, in seconds."""


class Changes:
    """What a double tells of its changes, and who waits for them."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()

    def note(self) -> None:
        """Tell that something has changed."""
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until `condition` is true, which is looked at after each change.

        Raises:
            TimeoutError: it was not within five seconds.
        """
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()
