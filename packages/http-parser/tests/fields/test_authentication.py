from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    Challenge,
    Credentials,
    LocalProtocolError,
    format_challenges,
    format_credentials,
    parse_challenges,
    parse_credentials,
)


def challenge(scheme: str, token68: str | None = None, **parameters: str) -> Challenge:
    return Challenge(scheme, token68, parameters)


@pytest.mark.parametrize(
    ("values", "challenges"),
    [
        # RFC 9110 section 11.6.1
        (
            r'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \"apps\""',
            [
                challenge("Basic", realm="simple"),
                challenge("Newauth", realm="apps", type="1", title='Login to "apps"'),
            ],
        ),
        (
            r'Newauth realm="apps", type=1, title="Login to \"apps\"", Basic realm="simple"',
            [
                challenge("Newauth", realm="apps", type="1", title='Login to "apps"'),
                challenge("Basic", realm="simple"),
            ],
        ),
        # RFC 7617 section 2.1
        ('Basic realm="foo", charset="UTF-8"', [challenge("Basic", realm="foo", charset="UTF-8")]),
        # RFC 7616 section 3.9.1, in two field lines
        (
            [
                'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256,'
                ' nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"',
                'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=MD5',
            ],
            [
                challenge("Digest", realm="http-auth@example.org", qop="auth, auth-int",
                          algorithm="SHA-256",
                          nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
                challenge("Digest", realm="http-auth@example.org", qop="auth, auth-int",
                          algorithm="MD5"),
            ],
        ),
        # RFC 6750 section 3
        (
            'Bearer realm="example", error="invalid_token", error_description="It, too, expired"',
            [challenge("Bearer", realm="example", error="invalid_token",
                       error_description="It, too, expired")],
        ),
        # Schemes alone, and with a token68.
        ("Negotiate", [challenge("Negotiate")]),
        ("Negotiate, NTLM", [challenge("Negotiate"), challenge("NTLM")]),
        (["Negotiate", "NTLM"], [challenge("Negotiate"), challenge("NTLM")]),
        ("Negotiate oRQwEqADCgEA==", [challenge("Negotiate", "oRQwEqADCgEA==")]),
        ("NTLM a-._~+/Z9=, Basic realm=x",
         [challenge("NTLM", "a-._~+/Z9="), challenge("Basic", realm="x")]),
        ("NTLM abc , Negotiate", [challenge("NTLM", "abc"), challenge("Negotiate")]),
        ("Basic realm", [challenge("Basic", "realm")]),
        ("Basic , realm=x", [challenge("Basic", realm="x")]),
        # Which comma it is.
        ('A a="1,2", b="3" , B c=4, d=5,C', [
            challenge("A", a="1,2", b="3"), challenge("B", c="4", d="5"), challenge("C")]),
        ("A, B a=1, C", [challenge("A"), challenge("B", a="1"), challenge("C")]),
        (",, A a=1,, b=2,,", [challenge("A", a="1", b="2")]),
        ('A a="\\\\", B b="\\", C c=d"', [challenge("A", a="\\"), challenge("B", b='", C c=d')]),
        # Names, spaces, and several of one name.
        ('DIGEST Realm = "x" ,NONCE\t=\ty', [challenge("DIGEST", realm="x", nonce="y")]),
        ("Basic realm=a, realm=b, REALM=c", [challenge("Basic", realm="a")]),
        ('Basic   realm="a"', [challenge("Basic", realm="a")]),
        ('Basic\trealm="a"', [challenge("Basic", realm="a")]),
        ('Basic realm=""', [challenge("Basic", realm="")]),
        # What servers send.
        ("Basic realm=My Site", [challenge("Basic", realm="My Site")]),
        ("Basic realm=My Site, charset=UTF-8",
         [challenge("Basic", realm="My Site", charset="UTF-8")]),
        ('Basic realm=My "Site, 2", a=b', [challenge("Basic", realm='My "Site, 2"', a="b")]),
        ("Basic realm='x y'", [challenge("Basic", realm="'x y'")]),
        ('Basic realm="x', [challenge("Basic", realm="x")]),
        (['Basic realm="x', "NTLM"], [challenge("Basic", realm="x"), challenge("NTLM")]),
        ('Basic realm="x" junk, a=b, NTLM', [challenge("Basic", realm="x"), challenge("NTLM")]),
        ('Basic realm="x" Digest realm="y", nonce="z"', [challenge("Basic", realm="x")]),
        ('Basic realm="x" Digest realm="y", nonce="z", NTLM a, b=c, Newauth d=e',
         [challenge("Basic", realm="x"), challenge("NTLM", "a"), challenge("Newauth", d="e")]),
        ("Digest Basic realm=x, nonce=y", [challenge("Digest")]),
        ("Digest Basic realm=x, nonce=y, NTLM", [challenge("Digest"), challenge("NTLM")]),
        ("Negotiate YII=, x=y", [challenge("Negotiate", "YII=")]),
        ("Negotiate YII=, x=y, Basic realm=z",
         [challenge("Negotiate", "YII="), challenge("Basic", realm="z")]),
        ('Basic realm="é\udce9"', [challenge("Basic", realm="é\udce9")]),
        ("Digest realm=, nonce=x", [challenge("Digest", "realm=")]),
        # No scheme: nothing of it gets into another challenge.
        ('realm="x"', []),
        ('realm="x", Basic realm="y"', [challenge("Basic", realm="y")]),
        ('Basic realm="x", D@gest nonce="y", qop="z"', [challenge("Basic", realm="x")]),
        ('Basic realm="x", Digest: nonce="y", Bearer a=b',
         [challenge("Basic", realm="x"), challenge("Bearer", a="b")]),
        ("Basic é", [challenge("Basic")]),
        ("", []),
        (" , ,", []),
        ([], []),
        ("é", []),
        ('"Basic realm=x"', []),
        ("=", []),
    ],
)  # fmt: skip
def test_challenges(values: str | list[str], challenges: list[Challenge]) -> None:
    assert parse_challenges(values) == tuple(challenges)


def test_the_parts_of_a_challenge() -> None:
    basic, bare = parse_challenges('bASIC realm="x", NTLM')
    assert basic.is_scheme("Basic")
    assert basic.is_scheme("basic")
    assert not basic.is_scheme("Digest")
    assert (basic.realm, bare.realm) == ("x", None)
    with pytest.raises(TypeError):
        basic.parameters["realm"] = "y"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("value", "credentials"),
    [
        ("Basic QWxhZGRpbjpvcGVu+/==", Credentials("Basic", "QWxhZGRpbjpvcGVu+/==")),
        ("Bearer mF_9.B5f-4.1JqM", Credentials("Bearer", "mF_9.B5f-4.1JqM")),
        ("Negotiate", Credentials("Negotiate")),
        (
            'Digest username="Mufasa", uri="/dir/index.html?a=b,c", nc=00000001, qop=auth',
            Credentials("Digest", None, {"username": "Mufasa", "uri": "/dir/index.html?a=b,c",
                                         "nc": "00000001", "qop": "auth"}),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=A/20130524/us, SignedHeaders=host;range, Signature=fe5f",
            Credentials("AWS4-HMAC-SHA256", None, {"credential": "A/20130524/us",
                                                   "signedheaders": "host;range",
                                                   "signature": "fe5f"}),
        ),
        ("Basic a, Basic b", Credentials("Basic", "a")),
        ("Bearer a|b", Credentials("Bearer")),
        ("", None),
        ("=", None),
    ],
)  # fmt: skip
def test_credentials(value: str, credentials: Credentials | None) -> None:
    assert parse_credentials(value) == credentials


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(Credentials("Basic", "QWxhZGRpbg==")) + repr(Credentials("X", None, {"k": "hush"}))
    assert "QWxh" not in shown
    assert "hush" not in shown
    with pytest.raises(LocalProtocolError) as caught:
        format_credentials(Credentials("X", None, {"k": "hush\n"}))
    assert "hush" not in str(caught.value)
    with pytest.raises(LocalProtocolError) as caught:
        format_credentials(Credentials("X", "hush hush"))
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("value", "unquoted", "written"),
    [
        (challenge("Negotiate"), None, "Negotiate"),
        (challenge("NTLM", "abc="), None, "NTLM abc="),
        (challenge("Basic", realm="x", charset="UTF-8"), None,
         'Basic realm="x", charset="UTF-8"'),
        (challenge("Newauth", title='Login to "apps" \\'), None,
         r'Newauth title="Login to \"apps\" \\"'),
        # RFC 7616 section 3.3
        (challenge("digest", realm="x", stale="true", algorithm="SHA-256", qop="auth"), None,
         'digest realm="x", stale=true, algorithm=SHA-256, qop="auth"'),
        (challenge("Digest", realm="x", userhash="true", charset="UTF-8"), None,
         'Digest realm="x", userhash=true, charset=UTF-8'),
        (challenge("Digest", stale="true", algorithm="MD5"), ("stale",),
         'Digest stale=true, algorithm="MD5"'),
        (challenge("Digest", algorithm="MD5"), (), 'Digest algorithm="MD5"'),
        (challenge("X", a="b", c="d"), ("a",), 'X a=b, c="d"'),
    ],
)  # fmt: skip
def test_writing_challenges(
    value: Challenge, unquoted: tuple[str, ...] | None, written: str
) -> None:
    assert format_challenges([value], unquoted=unquoted) == written
    assert parse_challenges(written) == (value,)


@pytest.mark.parametrize(
    ("value", "unquoted", "written"),
    [
        (Credentials("Basic", "YTpi"), None, "Basic YTpi"),
        # RFC 7616 section 3.4
        (
            Credentials("Digest", None, {"username": 'a"b\\', "qop": "auth", "nc": "00000001",
                                         "algorithm": "MD5", "userhash": "true", "x": "/"}),
            None,
            r'Digest username="a\"b\\", qop=auth, nc=00000001, algorithm=MD5, userhash=true, x="/"',
        ),
        (Credentials("Digest", None, {"qop": "auth"}), (), 'Digest qop="auth"'),
        # RFC 7616 section 3.9.2
        (Credentials("Digest", None, {"username*": "UTF-8''J%C3%A4s%C3%B8n%20Doe", "a": "b"}), None,
         "Digest username*=UTF-8''J%C3%A4s%C3%B8n%20Doe, a=\"b\""),
        (Credentials("DIGEST", None, {"Username*": "utf-8'de'a!#$&+-.^_`|~"}), (),
         "DIGEST Username*=utf-8'de'a!#$&+-.^_`|~"),
        # Any other scheme means by it what it likes.
        (Credentials("X", None, {"username*": "a b"}), None, 'X username*="a b"'),
    ],
)  # fmt: skip
def test_writing_credentials(
    value: Credentials, unquoted: tuple[str, ...] | None, written: str
) -> None:
    assert format_credentials(value, unquoted=unquoted) == written
    found = parse_credentials(written)
    assert found is not None
    assert (found.scheme, found.token68) == (value.scheme, value.token68)
    assert found.parameters == {name.lower(): text for name, text in value.parameters.items()}


@pytest.mark.parametrize(
    "username",
    ["", "Mufasa", "Jäsøn", "a'b", "UTF-8'a", "UTF-8''a b", "UTF-8''a'b", "UTF-8''a*b", "UTF-8''%",
     "UTF-8''%4", "UTF-8''%ZZ", "UTF-8''%E4", "UTF-8''ä", "UTF-8''a\n", "UTF-8'd_e'a",
     "iso-8859-1''%E4", "''a", 'UTF-8\'\'"', "UTF-8''a, b=c"],
)  # fmt: skip
@pytest.mark.parametrize("unquoted", [None, (), ("username*",)])
def test_what_is_no_ext_value_is_no_name_in_another_character_set(
    username: str, unquoted: tuple[str, ...] | None
) -> None:
    value = Credentials("Digest", None, {"username*": username})
    with pytest.raises(LocalProtocolError, match="ext-value in UTF-8") as caught:
        format_credentials(value, unquoted=unquoted)
    assert not username or username not in str(caught.value)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_can_be_sent_to_digest(name: str) -> None:
    value = Credentials("Digest", None, {"username*": "UTF-8''" + quote(name, safe="")})
    written = format_credentials(value)
    assert '"' not in written
    assert parse_credentials(written) == value


def test_no_challenge_is_no_value() -> None:
    with pytest.raises(LocalProtocolError):
        format_challenges([])


@pytest.mark.parametrize(
    "value",
    [
        challenge(""),
        challenge("a b"),
        challenge("a,b"),
        challenge("a", ""),
        challenge("a", "b c"),
        challenge("a", "b, Basic realm=x"),
        challenge("a", "b\r\n"),
        challenge("a", "="),
        challenge("a", "b", c="d"),
        Challenge("a", None, {"": "b"}),
        Challenge("a", None, {"b c": "d"}),
        challenge("a", b="c", B="c"),
        challenge("a", b="\n"),
        challenge("a", b=chr(0xD800)),
        challenge("Digest", stale="true, x"),
        challenge("Digest", algorithm=""),
    ],
)
def test_what_is_not_written(value: Challenge) -> None:
    with pytest.raises(LocalProtocolError):
        format_challenges([value])
    with pytest.raises(LocalProtocolError):
        format_challenges([challenge("A", b="c"), value])
    # "stale" may be quoted in credentials, where Digest does not have it.
    if "stale" not in value.parameters:
        with pytest.raises(LocalProtocolError):
            format_credentials(Credentials(value.scheme, value.token68, value.parameters))


_SCHEMES = st.text("aB1-!", min_size=1)
_PARAMETERS = st.dictionaries(st.text("abc-'", min_size=1), st.text('ab"\\,;= \té\udce9'))
_TOKEN68S = st.builds(str.__add__, st.text("Az09-._~+/", min_size=1), st.text("=", max_size=2))
_CHALLENGES = st.builds(Challenge, _SCHEMES, st.none(), _PARAMETERS) | st.builds(
    Challenge, _SCHEMES, _TOKEN68S
)


@given(st.lists(_CHALLENGES, min_size=1))
def test_what_is_written_is_read_back(challenges: list[Challenge]) -> None:
    assert parse_challenges(format_challenges(challenges)) == tuple(challenges)
    lines = [format_challenges([value]) for value in challenges]
    assert parse_challenges(lines) == tuple(challenges)


@given(_CHALLENGES)
def test_credentials_that_are_written_are_read_back(value: Challenge) -> None:
    credentials = Credentials(value.scheme, value.token68, value.parameters)
    assert parse_credentials(format_credentials(credentials)) == credentials
