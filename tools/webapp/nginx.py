"""nginx from the system's packages, in front of another server."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.webapp.certificates import Certificate
from tools.webapp.processes import ServerFailed, accepts_tcp, free_port, running

__all__ = ["LARGE_TEXT", "SMALL_TEXT", "Nginx", "nginx"]

SMALL_TEXT = "whimbrel\n"
"""What /small.txt is."""
LARGE_TEXT = "a line of text that compresses well\n" * 50_000
"""What /large.txt is."""

# One process, as the user who runs the tests: no master, no change of user, no system paths.
CONFIGURATION = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    default_type text/plain;
    gzip on;
    gzip_types text/plain;
    gzip_min_length 100;
    server {{
        listen 127.0.0.1:{port};
        listen 127.0.0.1:{tls_port} ssl;
        ssl_certificate {chain};
        ssl_certificate_key {key};
        root {folder}/files;
        location /app/ {{
            proxy_pass {upstream}/;
            proxy_http_version 1.1;
            proxy_buffering off;
            proxy_request_buffering off;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $http_connection;
            client_max_body_size 20m;
        }}
        location /small/ {{
            client_max_body_size 1k;
            proxy_pass {upstream}/;
        }}
        location /few/ {{
            keepalive_requests 3;
            alias {folder}/files/;
        }}
    }}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """The base URLs of a running nginx."""

    plain: str
    secure: str


@contextmanager
def nginx(upstream: str, certificate: Certificate, folder: Path) -> Iterator[Nginx]:
    """Run nginx until the block ends; its /app/ is `upstream`.

    Args:
        upstream: base URL of the server behind.
        certificate: for its TLS port.
        folder: an existing folder for its files, all of them.

    Raises:
        ServerFailed: there is no nginx, or it did not start.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise ServerFailed("there is no nginx on PATH: get it by 'apt-get install nginx'")
    files = folder / "files"
    files.mkdir()
    (files / "small.txt").write_text(SMALL_TEXT)
    (files / "large.txt").write_text(LARGE_TEXT)
    port, tls_port = free_port(), free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=folder,
            port=port,
            tls_port=tls_port,
            chain=certificate.chain,
            key=certificate.key,
            upstream=upstream,
        )
    )
    with running([program, "-p", folder, "-c", configuration], accepts_tcp(port)):
        yield Nginx(f"http://127.0.0.1:{port}", f"https://localhost:{tls_port}")
