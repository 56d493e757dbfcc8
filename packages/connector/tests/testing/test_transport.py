from __future__ import annotations

from typing import Any

import pytest

from whimbrel_connector.interfaces import Receiver, Transport
from whimbrel_connector.testing import (
    MemoryTransport,
    RecordingReceiver,
    check_transport,
)


async def test_memory_transport_keeps_the_contract() -> None:
    async def make_pair() -> Any:
        return MemoryTransport.pair()

    assert isinstance(MemoryTransport.pair()[0], Transport)
    await check_transport(make_pair)


class Deaf(MemoryTransport):
    """Does not stop delivering when paused."""

    def pause_reading(self) -> None:
        pass


class Forgetful(MemoryTransport):
    """Drops what is queued when it is closed."""

    def close(self) -> None:
        self.abort()


class Unbounded(MemoryTransport):
    """Never makes anybody wait."""

    async def drain(self) -> None:
        pass


@pytest.mark.parametrize("kind", [Deaf, Forgetful, Unbounded])
async def test_the_check_notices_a_broken_transport(kind: type[MemoryTransport]) -> None:
    async def make_pair() -> Any:
        return kind.pair(high_water=1 << 20)

    with pytest.raises(AssertionError):
        await check_transport(make_pair)


async def test_memory_transport_keeps_data_until_there_is_a_receiver() -> None:
    one, other = MemoryTransport.pair(extra={"peername": ("127.0.0.1", 1)})
    other.write(b"early")
    receiver = RecordingReceiver()
    assert isinstance(receiver, Receiver)
    one.set_receiver(receiver)
    assert await receiver.until_received(5) == b"early"
    assert one.get_extra_info("peername") == ("127.0.0.1", 1)


async def test_writing_to_a_closed_memory_transport_loses_the_connection() -> None:
    one, other = MemoryTransport.pair()
    receiver = RecordingReceiver()
    one.set_receiver(receiver)
    other.close()
    one.write(b"x")
    await receiver.until_called("connection_lost")
    assert isinstance(receiver.exc, ConnectionResetError)
