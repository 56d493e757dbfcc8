"""The examples of the README run, against peers of this test, and print what they say."""

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from inspect import iscoroutinefunction
from pathlib import Path
from socketserver import BaseServer, ThreadingUnixStreamServer
from typing import Any

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
TITLES_AND_TEXTS = iter(re.split(r"^## (.*)$", README, flags=re.M)[1:])
EXAMPLES = [
    pytest.param(example, id=f"{title} {number}")
    for title, text in zip(TITLES_AND_TEXTS, TITLES_AND_TEXTS, strict=True)
    for number, example in enumerate(re.findall(r"^```python\n(.*?)^```", text, re.M | re.S), 1)
]


class Handler(BaseHTTPRequestHandler):
    """Answers every request with a greeting."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response_only(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args: Any) -> None:
        """Print nothing."""


class UnixHandler(Handler):
    def setup(self) -> None:
        super().setup()
        self.client_address = ("localhost", 0)


@contextmanager
def in_a_thread(server: BaseServer) -> Iterator[None]:
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Run the servers that examples talk to; what stands for them in the README, and what here."""
    path = str(tmp_path / "service.sock")
    tcp = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    with ExitStack() as stack:
        stack.enter_context(in_a_thread(tcp))
        stack.enter_context(in_a_thread(ThreadingUnixStreamServer(path, UnixHandler)))
        yield {"8080": str(tcp.server_port), "/run/service.sock": path}


def run(example: str, peers: dict[str, str]) -> dict[str, Any]:
    """Run an example as its reader would, and its `main` if it leaves that to the reader."""
    source = example
    for shown, real in peers.items():
        source = source.replace(shown, real)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(source, "README.md", "exec"), namespace)
    main = namespace.get("main")
    if iscoroutinefunction(main) and "asyncio.run(main())" not in example:
        asyncio.run(main())
    return namespace


def test_all_examples_are_in_a_section() -> None:
    assert len(EXAMPLES) == README.count("```python") >= 6


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_runs(
    example: str, peers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(example, peers)
    said = re.findall(r"print\(.*\)  # (.*)$", example, re.M)
    printed = capsys.readouterr().out
    if said:
        assert printed.splitlines() == said


def test_the_first_example_prints_the_response(
    peers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    [example] = EXAMPLES[0].values
    assert isinstance(example, str)
    run(example, peers)
    assert capsys.readouterr().out == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def test_the_resolver_with_rules_of_its_own_applies_them() -> None:
    [example] = [p.values[0] for p in EXAMPLES if "class OnlyOurs" in str(p.values[0])]
    resolver = run(str(example), {})["OnlyOurs"]()
    with pytest.raises(OSError, match="not ours"):
        asyncio.run(resolver.resolve("somewhere.example", 80))
