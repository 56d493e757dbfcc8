"""One byte that chooses the origin and `unsafe` (see the target), then Set-Cookie lines."""

from __future__ import annotations

__all__ = ["SEEDS"]

_LINES = (
    b"a=b",
    b"a=b; Path=/; Domain=example.com; Secure; HttpOnly; SameSite=None; Partitioned",
    b"a=b; Domain=.co.uk",
    b"a=b; Domain=com; Path=x",
    b"a=b; Expires=Wed, 09 Jun 2100 10:18:14 GMT",
    b"a=b; Expires=09-Jun-70 1:2:3; Max-Age=10",
    b"a=b; Max-Age=-1\na=c; Max-Age=99999999999999999999",
    b"__Host-a=b; Secure; Path=/",
    b"__secure-a=b; Secure",
    b"__Host-a=b; Domain=example.com; Secure; Path=/",
    b'a="quoted; value"; Path="/"',
    b"=value\nname\n=\n;\n = ; = ",
    b"a=\xff\xfe; Domain=\xc3\xa9.com",
    b"a=b\tc; Path=/\x01",
    b"a=b; Domain=127.0.0.1",
    b"a=b; Domain=[::1]",
    b"a=1; Secure\na=2",
    # What is loaded as a file.
    b"# Netscape HTTP Cookie File\n"
    b".example.com\tTRUE\t/\tTRUE\t2000000000\ta\tb\n"
    b"#HttpOnly_example.com\tFALSE\t/p\tFALSE\t0\t\tc\n",
    b'{"format": "whimbrel-cookies", "version": 1, "cookies": [\n'
    b'{"name": "a", "value": "b\\udcff", "domain": "example.com", "host_only": true, "path": "/",'
    b' "secure": false, "http_only": false, "same_site": "Lax", "partitioned": false,'
    b' "expiry": 1700000009.5, "creation": 1600000000.0, "last_access": 1800000000.0}]}',
    b"\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00]\x94.",
)

SEEDS = tuple(bytes([choice]) + line for line in _LINES for choice in (0, 1, 2, 0x83, 4))
