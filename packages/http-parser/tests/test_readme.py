"""The examples of the README run and print what they say."""

import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
EXAMPLES: list[str] = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
CLIENT, SERVER, *OTHERS = EXAMPLES


@pytest.mark.parametrize("example", OTHERS)
def test_an_example_prints_what_it_says(example: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(example, {})
    # What is printed stands behind the print, or on lines of its own below.
    expected = re.findall(r"^(?:.*print\(.*  )?# (.*)$", example, re.M)
    assert capsys.readouterr().out.splitlines() == expected


def answers(request: bytes) -> bytes:
    """Return what the server of the README sends for `request`."""
    namespace: dict[str, Any] = {}
    exec(SERVER, namespace)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(request)
        ours.shutdown(socket.SHUT_WR)
        namespace["serve"](theirs)
        theirs.shutdown(socket.SHUT_WR)
        return ours.recv(65536)


def test_the_client_and_the_server_understand_each_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    namespace: dict[str, Any] = {}
    exec(SERVER, namespace)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def accept() -> None:
            accepted, _ = listener.accept()
            with accepted:
                namespace["serve"](accepted)

        thread = threading.Thread(target=accept)
        thread.start()
        assert CLIENT.count("8080") == 2
        exec(CLIENT.replace("8080", str(port)), {})
        thread.join()
    assert capsys.readouterr().out.splitlines() == [
        "200  text/plain",
        r"b'GET /hello\n'",
        "the connection can be used again",
    ]


def test_the_server_answers_whatever_comes() -> None:
    two = answers(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\nHEAD /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    assert two.count(b"HTTP/1.1 200 \r\n") == 2
    assert two.endswith(b"Content-Length: 8\r\n\r\n")
    assert b"\r\n\r\nGET /1\n" in two
    assert answers(b"") == b""
    waiting = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx"
    assert answers(waiting).startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 \r\n")
    assert b"Connection: close\r\n" in answers(b"GET / HTTP/1.0\r\n\r\n")
    assert answers(b"GET / HTTP/2.0\r\n\r\n").startswith(b"HTTP/1.1 505 \r\n")
    tunnel = answers(b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n")
    assert tunnel.startswith(b"HTTP/1.1 405 \r\n")
    assert tunnel.endswith(b"CONNECT a:443\n")
