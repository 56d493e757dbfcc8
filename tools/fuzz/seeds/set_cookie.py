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
)

SEEDS = tuple(bytes([choice]) + line for line in _LINES for choice in (0, 1, 2, 0x83, 4))
