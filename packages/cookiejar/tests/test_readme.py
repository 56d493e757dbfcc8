import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from whimbrel_cookiejar import CookieJar

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README.read_text("utf-8"), re.M | re.S)


def test_the_examples_print_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(EXAMPLES) == 6
    namespace: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(example, namespace)
        printed = capsys.readouterr().out.splitlines()
        for comment in re.findall(r"^print\(.*\)  # (.*)$", example, re.M):
            assert comment.partition(": for")[0] in printed


class Counter(BaseHTTPRequestHandler):
    """Sets a cookie, and answers with what it was sent."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Set-Cookie", "visit=1; Path=/")
        self.send_header("Set-Cookie", 'user="J. Doe"; HttpOnly')
        self.end_headers()
        self.wfile.write(self.headers.get("Cookie", "nothing").encode())

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


def test_the_recipe_for_urllib(server: str) -> None:
    namespace: dict[str, Any] = {"CookieJar": CookieJar}
    [recipe] = [example for example in EXAMPLES if "def fetch" in example]
    exec(recipe, namespace)
    jar = CookieJar(unsafe=True)
    assert namespace["fetch"](f"{server}/a/b", jar) == b"nothing"
    assert namespace["fetch"](f"{server}/a/c", jar) == b'user="J. Doe"; visit=1'
    assert namespace["fetch"](f"{server}/other", jar) == b"visit=1"
