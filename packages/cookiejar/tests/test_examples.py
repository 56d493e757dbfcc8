"""The README's recipes for other clients, run against a server on the loopback."""

import asyncio
import re
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from whimbrel_cookiejar import CookieJar

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)


class Counter(BaseHTTPRequestHandler):
    """Sets cookies, redirects, and answers with the Cookie field that it was sent."""

    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        if self.path == "/login":
            self._answer(302, b"sid=1; Path=/", location="/a/welcome")
        elif self.path == "/logout":
            self._answer(302, b"sid=; Path=/; Max-Age=0", location="/a/bye")
        elif self.path == "/bytes":
            self._answer(200, b'name="J. D\xf6e\xff"; Path=/bytes')
        else:
            self._answer(200, b"visit=1; Path=/a; HttpOnly", b"refused=1; Domain=other.example")

    def _answer(self, status: int, *cookies: bytes, location: str = "") -> None:
        self.send_response(status)
        for cookie in cookies:
            self.send_header("Set-Cookie", cookie.decode("latin-1"))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(self.headers.get("Cookie", "nothing").encode("latin-1"))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Keep quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Counter) as http_server:
        thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}"
        http_server.shutdown()
        thread.join()


def recipe(word: str, jar: CookieJar) -> dict[str, Any]:
    """Run the one example with `word` in it, and return what it defines."""
    [example] = [example for example in EXAMPLES if word in example]
    namespace: dict[str, Any] = {"CookieJar": CookieJar, "jar": jar}
    exec(example, namespace)
    return namespace


def visit(get: Callable[[str], bytes], jar: CookieJar) -> None:
    """Go through what a client must get right, with `get` for the content of a path."""
    assert get("/a/b") == b"nothing"
    assert get("/a/c") == b"visit=1"
    assert get("/other") == b"nothing"
    # The redirect's cookie is kept, and goes along to where it leads.
    assert get("/login") == b"visit=1; sid=1"
    assert get("/a/d") == b"visit=1; sid=1"
    # One that a redirect removes is not sent there any more.
    assert get("/logout") == b"visit=1"
    # Values come back byte for byte, whatever they are.
    get("/bytes")
    assert get("/bytes") == b'name="J. D\xf6e\xff"'
    assert sorted(cookie.name for cookie in jar.all_cookies()) == ["name", "visit"]


def test_urllib(server: str) -> None:
    jar = CookieJar(unsafe=True)
    opener = recipe("BaseHandler", jar)["opener"]

    def get(path: str) -> bytes:
        with opener.open(server + path) as response:
            content: bytes = response.read()
        return content

    visit(get, jar)


def test_httpx(server: str) -> None:
    jar = CookieJar(unsafe=True)
    options = recipe("httpx", jar)["options"]
    with httpx.Client(**options, follow_redirects=True, trust_env=False) as client:
        visit(lambda path: client.get(server + path).content, jar)


def awaited(hook: Callable[[Any], None]) -> Callable[[Any], Awaitable[None]]:
    async def hook_of_async_client(message: Any) -> None:
        hook(message)

    return hook_of_async_client


def test_httpx_with_asyncio(server: str) -> None:
    jar = CookieJar(unsafe=True)
    options = recipe("httpx", jar)["options"]
    options["event_hooks"] = {
        event: [awaited(hook) for hook in hooks] for event, hooks in options["event_hooks"].items()
    }
    with asyncio.Runner() as runner:
        client = httpx.AsyncClient(**options, follow_redirects=True, trust_env=False)
        visit(lambda path: runner.run(client.get(server + path)).content, jar)
        runner.run(client.aclose())
