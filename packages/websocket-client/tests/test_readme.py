"""The examples of the README run and print what they say."""

import re
from pathlib import Path

import pytest

from whimbrel_websocket_client import WSMsgType
from whimbrel_websocket_client.testing import ServerConnection, serve

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


async def echo(connection: ServerConnection) -> None:
    while (message := await connection.receive()).type is WSMsgType.TEXT:
        await connection.send(connection.protocol.send_text(message.data))


def printed_by(example: str) -> list[str]:
    """Return what an example says that it prints: the comments behind its calls of print."""
    return re.findall(r"print\(.*\)  # (.*)", example)


async def test_the_connection(capsys: pytest.CaptureFixture[str]) -> None:
    example, call = EXAMPLES[0].rsplit("\n\n", 1)
    assert call.startswith("asyncio.run(main(")
    names: dict[str, object] = {}
    exec(example, names)
    main = names["main"]
    assert callable(main)
    async with serve(echo) as port:
        await main("127.0.0.1", port)
    assert capsys.readouterr().out.splitlines() == printed_by(example) != []


def test_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    for example in EXAMPLES[1:]:
        exec(example, {})
        assert capsys.readouterr().out.splitlines() == printed_by(example) != []
