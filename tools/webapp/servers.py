"""How each real server is started: the command, where it listens, when it is ready."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.webapp.certificates import Certificate
from tools.webapp.processes import accepts_tcp, accepts_unix, free_port, running

__all__ = [
    "granian",
    "granian_unix",
    "http_proxy",
    "hypercorn",
    "hypercorn_unix",
    "socks_proxy",
    "websocket_server",
]

HOST = "127.0.0.1"
APPLICATION = "tools.webapp.app:application"


@contextmanager
def granian(certificate: Certificate | None = None) -> Iterator[str]:
    """Serve the application with granian (Rust, hyper); yield its base URL."""
    port = free_port()
    command = [*_granian(), "--host", HOST, "--port", str(port)]
    if certificate:
        files = ["--ssl-certificate", str(certificate.chain), "--ssl-keyfile", str(certificate.key)]
        command += files
    with running(command, accepts_tcp(port)):
        yield _base_url("http", certificate, port)


@contextmanager
def granian_unix(path: Path) -> Iterator[Path]:
    """Serve the application with granian on a UNIX socket; yield its path."""
    with running([*_granian(), "--uds", str(path)], accepts_unix(path)):
        yield path


@contextmanager
def hypercorn(certificate: Certificate | None = None) -> Iterator[str]:
    """Serve the application with hypercorn (Python, h11); yield its base URL."""
    port = free_port()
    command = [*_hypercorn(), "--bind", f"{HOST}:{port}"]
    if certificate:
        command += ["--certfile", str(certificate.chain), "--keyfile", str(certificate.key)]
    with running(command, accepts_tcp(port)):
        yield _base_url("http", certificate, port)


@contextmanager
def hypercorn_unix(path: Path) -> Iterator[Path]:
    """Serve the application with hypercorn on a UNIX socket; yield its path."""
    with running([*_hypercorn(), "--bind", f"unix:{path}"], accepts_unix(path)):
        yield path


@contextmanager
def websocket_server(certificate: Certificate | None = None) -> Iterator[str]:
    """Serve the echo of `tools.webapp.websocket_server`; yield its base URL."""
    port = free_port()
    command = [sys.executable, "-m", "tools.webapp.websocket_server", str(port)]
    if certificate:
        command += [str(certificate.chain), str(certificate.key)]
    with running(command, accepts_tcp(port)):
        yield _base_url("ws", certificate, port)


@contextmanager
def http_proxy(credentials: str = "", certificate: Certificate | None = None) -> Iterator[str]:
    """Run proxy.py, which forwards and tunnels; yield its URL without credentials.

    Args:
        credentials: "user:password" that the proxy demands; empty for none.
        certificate: what it shows to its clients, who are to speak TLS with it; `None` for no TLS.
    """
    port = free_port()
    command = [sys.executable, "-m", "proxy", "--hostname", HOST, "--port", str(port)]
    command += ["--num-workers", "1", "--num-acceptors", "1"]
    if credentials:
        command += ["--basic-auth", credentials]
    if certificate:
        files = ["--cert-file", str(certificate.chain), "--key-file", str(certificate.key)]
        command += files
    with running(command, accepts_tcp(port)):
        yield _base_url("http", certificate, port)


@contextmanager
def socks_proxy(version: int, *credentials: str) -> Iterator[str]:
    """Run a proxy by tiny-proxy; yield where it listens, as "host:port".

    Args:
        version: 4, which is for SOCKS4a too, or 5.
        credentials: the user name, and for version 5 the password, that the proxy demands.
    """
    port = free_port()
    program = [sys.executable, "-m", "tools.webapp.socks_proxy"]
    with running([*program, str(port), str(version), *credentials], accepts_tcp(port)):
        yield f"{HOST}:{port}"


def _granian() -> list[str]:
    options = ["--interface", "asgi", "--http", "1", "--loop", "asyncio", "--workers", "1"]
    return [sys.executable, "-m", "granian", *options, APPLICATION]


def _hypercorn() -> list[str]:
    return [sys.executable, "-m", "hypercorn", "--graceful-timeout", "0", APPLICATION]


def _base_url(scheme: str, certificate: Certificate | None, port: int) -> str:
    # localhost, not the address, under TLS: a name is what SNI and verification are about.
    return f"{scheme}s://localhost:{port}" if certificate else f"{scheme}://{HOST}:{port}"
