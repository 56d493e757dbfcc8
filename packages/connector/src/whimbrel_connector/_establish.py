"""The dialers' names, until their modules are imported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from whimbrel_connector._dial import TCPDialer
from whimbrel_connector._dial_local import UnixDialer

if TYPE_CHECKING:
    from whimbrel_connector._happy_eyeballs import (
        SocketFactory as SocketFactory,  # noqa: PLC0414  # for who imports it from here
    )

__all__ = ["TCPDialer", "UnixDialer"]
