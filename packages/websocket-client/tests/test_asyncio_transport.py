"""The plain transport keeps the contract of `whimbrel_connector.interfaces.Transport`."""

import asyncio

import pytest

from whimbrel_connector.interfaces import Transport
from whimbrel_connector.testing import RecordingReceiver, check_transport
from whimbrel_websocket_client.asyncio_transport import AsyncioTransport


async def make_pair() -> tuple[AsyncioTransport, AsyncioTransport]:
    loop = asyncio.get_running_loop()
    accepted: asyncio.Future[AsyncioTransport] = loop.create_future()

    def accept() -> AsyncioTransport:
        transport = AsyncioTransport()
        accepted.set_result(transport)
        return transport

    server = await loop.create_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    _, one = await loop.create_connection(AsyncioTransport, "127.0.0.1", port)
    other = await accepted
    server.close()
    return one, other


async def test_it_is_a_transport() -> None:
    one, other = await make_pair()
    assert isinstance(one, Transport)
    assert one.get_extra_info("peername")[0] == "127.0.0.1"
    one.abort()
    other.abort()


async def test_it_keeps_the_contract() -> None:
    await check_transport(make_pair)


async def test_what_comes_early_waits_for_a_receiver() -> None:
    one, other = await make_pair()
    other.write(b"early")
    other.close()
    gone = RecordingReceiver()
    other.set_receiver(gone)
    await gone.until_called("connection_lost")
    receiver = RecordingReceiver()
    one.set_receiver(receiver)
    assert not receiver.calls
    await receiver.until_called("eof_received")
    assert receiver.data == b"early"
    one.close()
    await receiver.until_called("connection_lost")


async def test_it_has_to_be_connected() -> None:
    with pytest.raises(RuntimeError, match="not connected"):
        AsyncioTransport().write(b"x")


async def test_what_came_early_goes_to_the_last_receiver() -> None:
    one, other = await make_pair()
    other.write(b"early")
    quiet = RecordingReceiver()
    other.set_receiver(quiet)
    other.close()
    await quiet.until_called("connection_lost")
    first, last = RecordingReceiver(), RecordingReceiver()
    one.set_receiver(first)
    one.set_receiver(last)
    await last.until_called("eof_received")
    assert last.data == b"early"
    assert not first.calls
    one.close()
    await last.until_called("connection_lost")
