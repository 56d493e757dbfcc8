"""A field value each, of some field: all of them are read as all of the fields."""

from __future__ import annotations

__all__ = ["SEEDS"]

SEEDS = (
    b"text/html; charset=utf-8",
    b'multipart/form-data; boundary="a \\"b\\\\"',
    b"attachment; filename=a b.txt",
    b'attachment; filename="..\\\\..\\\\nul.txt"',
    b"inline; filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates",
    b"inline; filename*=iso-8859-1'en'%A3%20rates",
    b"inline; filename*0*=UTF-8''foo-%c3; filename*1*=%a4; filename*2=\".html\"",
    b'form-data; name="a"; filename="foo-\xe4.html"',
    b"filename=a.txt",
    b'</TheBook/2>; rel="previous"; title="a, \\"b\\""; title*=UTF-8\'de\'n%c3%a4chstes',
    b'<a,b>; rel=next, <http://example.org/>; rel="start http://a.example/o"; anchor="#a"',
    b"</a>; rel=preload; as=font; crossorigin; hreflang=de; hreflang=en",
    b'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
    b'Digest realm="a@b", qop="auth, auth-int", algorithm=SHA-256, stale=true, nonce="x/="',
    b"Negotiate oRQwEqADCgEA==, NTLM, Basic realm=My Site",
    b"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
    b'Digest username="\\"", uri="/a?b=c,d", nc=00000001, qop=auth, algorithm=MD5',
    b"AWS4-HMAC-SHA256 Credential=A/us, SignedHeaders=host;range, Signature=fe5f",
    b"120",
    b"1.5",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"06-Nov-2000 8:49:60 +0000",
    b"timeout=5, max=100",
    b'"xyzzy"',
    b'W/"xyzzy", "r2d2,xxxx", c3pio, *',
    b"*",
    b"W/abc",
    b"\xff\xfe; \xc3\xa9=\x00\r\n",
)
