"""The program, run as a user runs it, against servers on loopback."""

from __future__ import annotations

import asyncio
import gzip
import os
import pty
import re
import signal
import socket
import ssl
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import trustme

from whimbrel import __version__

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOLE = "http://127.0.0.1:1/"


class Done(NamedTuple):
    code: int | None
    out: bytes
    err: str


async def start(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    streams = {"stdin": asyncio.subprocess.DEVNULL, "stdout": pipe, "stderr": pipe}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "whimbrel", *arguments, **(streams | options)
    )


async def run(*arguments: str, stdin: bytes | None = None) -> Done:
    options = {} if stdin is None else {"stdin": asyncio.subprocess.PIPE}
    process = await start(*arguments, **options)
    out, err = await process.communicate(stdin)
    return Done(process.returncode, out, err.decode())


def terminal_output(ours: int) -> bytes:
    """Read a pseudo-terminal to its end, which is an error."""
    output = b""
    while True:
        try:
            output += os.read(ours, 65_536)
        except OSError:
            return output


async def on_terminal(*arguments: str, stream: str) -> tuple[int | None, bytes, bytes]:
    """Run with `stream` on a pseudo-terminal; return status, what it showed, and the other one."""
    ours, theirs = pty.openpty()
    try:
        process = await start(*arguments, **{stream: theirs})
        os.close(theirs)
        shown = asyncio.create_task(asyncio.to_thread(terminal_output, ours))
        out, err = await process.communicate()
        return process.returncode, await shown, out or err or b""
    finally:
        os.close(ours)


async def test_the_body_goes_to_standard_output(raw_server: Any) -> None:
    server = await raw_server(OK)
    assert await run(server.url) == Done(0, b"ok", "")
    head = server.requests[0].decode()
    assert head.startswith("GET / HTTP/1.1\r\n")
    assert "Accept-Encoding" not in head


async def test_version() -> None:
    assert await run("--version") == Done(0, f"whimbrel {__version__}\n".encode(), "")


async def test_a_usage_error_is_one_line() -> None:
    done = await run("--nonsense", HOLE)
    assert (done.code, done.out) == (2, b"")
    assert re.fullmatch(r"whimbrel: \(2\) .*--nonsense.*\n", done.err)


async def test_data_from_standard_input(raw_server: Any) -> None:
    server = await raw_server(OK)
    done = await run("-d", "@-", "-H", "X-Bird: whimbrel", "-u", "a:b", server.url, stdin=b"a=1\n")
    assert done.code == 0
    request = server.requests[0]
    assert request.startswith(b"POST / ")
    assert request.endswith(b"\r\n\r\na=1")
    assert b"\r\nX-Bird: whimbrel\r\n" in request
    assert b"\r\nAuthorization: Basic YTpi\r\n" in request


async def test_verbose(raw_server: Any) -> None:
    server = await raw_server(OK.replace(b"\r\n\r\n", b"\r\nX-Esc: caf\xe9\r\n\r\n"))
    done = await run("-v", "-A", "me", server.url)
    assert (done.code, done.out) == (0, b"ok")
    lines = done.err.splitlines()
    assert lines[0] == "> GET / HTTP/1.1"
    assert "> User-Agent: me" in lines
    assert "< HTTP/1.1 200 OK" in lines
    assert "< X-Esc: café" in lines
    assert (lines[lines.index("< HTTP/1.1 200 OK") - 1], lines[-1]) == (">", "<")


@pytest.mark.parametrize("option", ["-i", "-I"])
async def test_the_head_goes_to_standard_output(raw_server: Any, option: str) -> None:
    server = await raw_server(OK if option == "-i" else OK[:-2])
    done = await run(option, server.url)
    assert (done.code, done.out) == (0, OK if option == "-i" else OK[:-2])
    assert server.requests[0].startswith(b"GET" if option == "-i" else b"HEAD")


async def test_redirects_are_followed_when_asked_for(raw_server: Any) -> None:
    hop = b"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 4\r\n\r\nhop\n"
    server = await raw_server(hop, hop, OK)
    assert await run(server.url) == Done(0, b"hop\n", "")
    assert (await run("-L", "--max-redirs", "2", server.url)).out == b"ok"
    both = (await run("-i", "-L", "--max-redirs", "-1", server.url)).out
    assert both.count(b"HTTP/1.1 302 Found") == 2
    assert both.endswith(b"\r\n\r\nok")
    for limit in ("0", "1"):
        done = await run("-L", "--max-redirs", limit, server.url)
        assert (done.code, done.out) == (47, b"")
        assert done.err == f"whimbrel: (47) More than {limit} redirects\n"


async def test_compressed(raw_server: Any) -> None:
    coded = gzip.compress(b"text " * 100)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(coded)
    server = await raw_server(head + coded)
    assert (await run(server.url)).out == coded
    assert (await run("--compressed", server.url)).out == b"text " * 100
    assert b"\r\nAccept-Encoding: gzip" in server.requests[1]


async def test_timing(raw_server: Any) -> None:
    server = await raw_server(OK)
    done = await run("--timing", server.url)
    assert (done.code, done.out) == (0, b"ok")
    titles, row = done.err.splitlines()
    assert titles.split()[:5] == ["queue", "dns", "connect", "proxy", "tls"]
    cells = row.split()
    assert re.fullmatch(r"\d+\.\d", cells[2])
    assert cells[3:5] == ["-", "-"]
    assert cells[-3:] == ["new", "200", server.url]


async def test_output_file(raw_server: Any, tmp_path: Path) -> None:
    server = await raw_server(OK)
    file = tmp_path / "body"
    assert await run("-o", str(file), server.url) == Done(0, b"", "")
    assert file.read_bytes() == b"ok"


async def test_fail_leaves_no_file(raw_server: Any, tmp_path: Path) -> None:
    server = await raw_server(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno")
    assert await run(server.url) == Done(0, b"no", "")
    file = tmp_path / "body"
    done = await run("-f", "-o", str(file), server.url)
    assert done == Done(22, b"", "whimbrel: (22) the server answered 404 Not Found\n")
    assert not file.exists()


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 18),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n", 18),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nx\r\n", 56),
    ],
)
async def test_a_truncated_file_is_never_a_success(
    raw_server: Any, tmp_path: Path, answer: bytes, code: int
) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    server = await raw_server(half)
    file = tmp_path / "body"
    done = await run("-o", str(file), server.url)
    assert done.code == code
    assert len(file.read_bytes()) <= 4
    assert re.fullmatch(rf"whimbrel: \({code}\) .*'{file}' has only the first \d bytes\n", done.err)


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (None, 52),
        (b"HTTP/1.1 200 O", 56),
        (b"220 mail.test ESMTP\r\n\r\n", 8),
    ],
)
async def test_replies_that_are_none(raw_server: Any, answer: bytes | None, code: int) -> None:
    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            writer.write(answer)
        writer.close()

    server = await raw_server(reply)
    done = await run(server.url)
    assert (done.code, done.out) == (code, b"")
    assert re.fullmatch(rf"whimbrel: \({code}\) .+\n", done.err)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((HOLE,), 7),
        (("--proxy", HOLE, "http://127.0.0.1/"), 7),
        (("--proxy", "127.0.0.1:1", "http://127.0.0.1/"), 7),
        (("http://a b/",), 3),
        (("--unix-socket", "/nonexistent/socket", "http://localhost/"), 7),
        (("-X", "NO METHOD", HOLE), 2),
        (("--proxy", "gopher://127.0.0.1/", HOLE), 2),
    ],
)
async def test_failures_before_a_reply(arguments: tuple[str, ...], code: int) -> None:
    done = await run(*arguments)
    assert (done.code, done.out) == (code, b"")
    assert re.fullmatch(rf"whimbrel: \({code}\) .+\n", done.err)


async def test_a_file_that_cannot_be_written(raw_server: Any, tmp_path: Path) -> None:
    server = await raw_server(OK)
    done = await run("-o", str(tmp_path / "none" / "body"), server.url)
    assert done.code == 23
    assert "No such file or directory" in done.err
    assert (await run("-o", "/dev/full", server.url)).code == 23


async def test_max_time_while_the_server_is_silent(raw_server: Any) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    server = await raw_server(silent)
    done = await run("--timeout", "0.1", server.url)
    assert (done.code, done.out) == (28, b"")
    assert "0.1 s" in done.err


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A body without an end, until the client leaves."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while not writer.is_closing():
        writer.write(b"line\n" * 10_000)
        await writer.drain()


async def test_max_time_while_the_reader_is_slow(raw_server: Any) -> None:
    server = await raw_server(endless)
    reading, writing = os.pipe()
    try:
        process = await start("-m", "0.5", server.url, stdout=writing)
        _, err = await process.communicate()
    finally:
        os.close(reading)
        os.close(writing)
    assert process.returncode == 28
    assert err.startswith(b"whimbrel: (28) ")


async def test_a_reader_that_has_seen_enough(raw_server: Any) -> None:
    """`| head`: it ends, and says nothing."""
    server = await raw_server(endless)
    reading, writing = os.pipe()
    process = await start(server.url, stdout=writing)
    os.close(writing)
    assert (await asyncio.to_thread(os.read, reading, 5)) == b"line\n"
    os.close(reading)
    _, err = await process.communicate()
    assert (process.returncode, err) == (23, b"")


@pytest.mark.parametrize("moment", ["silence", "blocked output"])
async def test_an_interrupt_is_quiet(raw_server: Any, moment: str) -> None:
    reached = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if moment != "silence":
            # More than the pipe, and the buffers before it, hold.
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000)
        reached.set()
        await reader.read()

    server = await raw_server(silent)
    process = await start(server.url)
    await reached.wait()
    if moment != "silence":
        assert process.stdout is not None
        await process.stdout.readexactly(10)
    process.send_signal(signal.SIGINT)
    _, err = await process.communicate()
    assert (process.returncode, err) == (130, b"")


@pytest.mark.parametrize("how", ["--timeout", "interrupt"])
async def test_a_name_server_that_is_silent_is_not_waited_for(how: str) -> None:
    """getaddrinfo cannot be cancelled: the program ends without it."""
    stuck = """\
import socket, sys, time
def getaddrinfo(*args, **options):
    print("looking up", flush=True)
    time.sleep(60)
socket.getaddrinfo = getaddrinfo
sys.modules["aiodns"] = None
from whimbrel.cli import main
sys.exit(main())
"""
    pipe = asyncio.subprocess.PIPE
    limit = "0.3" if how == "--timeout" else "60"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", stuck, "-m", limit, "http://bird.test/"), stdout=pipe, stderr=pipe
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"looking up\n"
    if how == "interrupt":
        process.send_signal(signal.SIGINT)
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert process.returncode == (28 if how == "--timeout" else 130)
    assert err.startswith(b"whimbrel: (28) ") if how == "--timeout" else err == b""


async def test_binary_is_kept_from_a_terminal(raw_server: Any) -> None:
    server = await raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na\0\x1b[")
    code, shown, err = await on_terminal(server.url, stream="stdout")
    assert (code, shown) == (23, b"")
    assert b"--output -" in err
    code, shown, err = await on_terminal("-o", "-", server.url, stream="stdout")
    assert (code, shown, err) == (0, b"a\0\x1b[", b"")


async def test_text_is_shown_on_a_terminal(raw_server: Any) -> None:
    server = await raw_server(OK)
    assert await on_terminal(server.url, stream="stdout") == (0, b"ok", b"")


async def test_a_progress_bar_on_a_terminal(raw_server: Any, tmp_path: Path) -> None:
    pytest.importorskip("rich")
    body = b"x" * 300_000
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
    server = await raw_server(head + body)
    file = tmp_path / "body"
    code, shown, _ = await on_terminal("-o", str(file), server.url, stream="stderr")
    assert code == 0
    assert file.read_bytes() == body
    assert b"300.0/300.0" in shown
    assert b"\x1b[" in shown


async def test_plain_text_without_rich(raw_server: Any, tmp_path: Path) -> None:
    """An interpreter that cannot import rich, as when the extra is not installed."""
    server = await raw_server(OK)
    hide = "import sys; sys.modules['rich'] = None; from whimbrel.cli import main; sys.exit(main())"
    ours, theirs = pty.openpty()
    try:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", hide, "-o", str(tmp_path / "body"), server.url, stderr=theirs
        )
        os.close(theirs)
        shown = await asyncio.to_thread(terminal_output, ours)
        assert await process.wait() == 0
    finally:
        os.close(ours)
    assert b"whimbrel[cli]" in shown
    assert b"2 bytes" in shown
    assert b"\x1b" not in shown


async def test_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    async with unix_server(path):
        done = await run("--unix-socket", str(path), "http://bird.test/")
    assert done == Done(0, b"ok", "")


class unix_server:  # noqa: N801  # used like a function
    """Answers one request on a UNIX socket."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, self._path)

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()


async def test_certificates(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        url = f"https://localhost:{port_of(server.sockets[0])}/"
        done = await run(url)
        assert (done.code, done.out) == (60, b"")
        assert "CERTIFICATE_VERIFY_FAILED" in done.err
        assert await run("-k", url) == Done(0, b"ok", "")
    finally:
        server.close()
        await server.wait_closed()


async def test_a_server_without_tls() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.test ESMTP\r\n")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        done = await run(f"https://127.0.0.1:{port_of(server.sockets[0])}/")
        assert (done.code, done.out) == (35, b"")
    finally:
        server.close()
        await server.wait_closed()


def port_of(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port
