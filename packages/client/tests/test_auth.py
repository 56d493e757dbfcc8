from __future__ import annotations

import base64
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from whimbrel.auth import BasicAuth, split_credentials


@pytest.mark.parametrize(
    ("auth", "pair"),
    [
        (BasicAuth("user"), b"user:"),
        (BasicAuth("user", "pass"), b"user:pass"),
        (BasicAuth("", ""), b":"),
        (BasicAuth("Aladdin", "open sesame"), b"Aladdin:open sesame"),
        (BasicAuth("u", "a:b:c"), b"u:a:b:c"),
        (BasicAuth("test", "123£"), b"test:123\xa3"),
        (BasicAuth("test", "123£", "utf-8"), b"test:123\xc2\xa3"),  # RFC 7617 section 2.1
    ],
)
def test_credentials_are_encoded_and_decoded(auth: BasicAuth, pair: bytes) -> None:
    value = auth.encode()
    assert value == "Basic " + base64.b64encode(pair).decode()
    assert BasicAuth.decode(value, auth.encoding) == auth


@given(st.text(st.characters(exclude_characters=":", exclude_categories=["Cs"])), st.text())
def test_whatever_is_encoded_comes_back(login: str, password: str) -> None:
    password = password.encode("utf-8", "ignore").decode()
    auth = BasicAuth(login, password, "utf-8")
    assert BasicAuth.decode(auth.encode(), "utf-8") == auth


@pytest.mark.parametrize("value", ["basic dTpw", "BASIC dTpw", "Basic   dTpw", "  Basic dTpw  "])
def test_the_scheme_is_known_in_any_case(value: str) -> None:
    assert BasicAuth.decode(value) == ("u", "p", "latin1")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ",
        "Bearer dTpw",
        "Basicx dTpw",
        "dTpw",
        "Basic dTp",  # not padded
        "Basic d!Tpw",
        "Basic dT pw",
        "Basic \u0661\u0661\u0661\u0661",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Digest " + "x" * 10_000,
    ],
)
def test_what_is_no_basic_authorization_is_an_error(value: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        BasicAuth.decode(value)
    assert len(str(caught.value)) < 100


def test_characters_that_are_not_in_the_encoding_are_an_error() -> None:
    value = "Basic " + base64.b64encode(b"u:\xff").decode()
    with pytest.raises(ValueError, match="characters"):
        BasicAuth.decode(value, "utf-8")
    with pytest.raises(UnicodeEncodeError):
        BasicAuth("u", "€").encode()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((None, "p"), "login"),
        (("u", None), "password"),
        (("a:b", "p"), 'A ":" is not allowed'),
        ((":", ""), 'A ":" is not allowed'),
    ],
)
def test_parts_that_cannot_be_are_errors(arguments: tuple[Any, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BasicAuth(*arguments)


def test_credentials_are_a_tuple_and_pickle() -> None:
    auth = BasicAuth("u", "p", "utf-8")
    assert auth == ("u", "p", "utf-8")
    assert (auth.login, auth.password, auth.encoding) == auth
    copy = pickle.loads(pickle.dumps(auth))
    assert copy == auth
    assert type(copy) is BasicAuth


@pytest.mark.parametrize(
    ("url", "stripped", "auth"),
    [
        ("http://example.com/x?y#z", "http://example.com/x?y#z", None),
        ("http://u:p@example.com/x?y#z", "http://example.com/x?y#z", ("u", "p", "utf-8")),
        ("http://u@example.com:81/", "http://example.com:81/", ("u", "", "utf-8")),
        ("http://:p@example.com/", "http://example.com/", ("", "p", "utf-8")),
        ("http://u:@example.com/", "http://example.com/", ("u", "", "utf-8")),
        ("http://u:a%3Ab%40@[::1]/", "http://[::1]/", ("u", "a:b@", "utf-8")),
        ("http://%C3%BC:%E2%82%AC@e.com/", "http://e.com/", ("ü", "€", "utf-8")),
        ("http://ü:€@e.com/%2F", "http://e.com/%2F", ("ü", "€", "utf-8")),
    ],
)
def test_credentials_are_taken_out_of_a_url(
    url: str, stripped: str, auth: tuple[str, str, str] | None
) -> None:
    without, found = split_credentials(URL(url))
    assert (str(without), found) == (stripped, auth)
    from_url = BasicAuth.from_url(URL(url))
    assert from_url == (None if auth is None else (*auth[:2], "latin1"))


def test_a_url_without_credentials_is_the_same() -> None:
    url = URL("http://example.com/%7Ex", encoded=True)
    assert split_credentials(url)[0] is url


def test_a_colon_in_the_user_of_a_url_is_an_error() -> None:
    with pytest.raises(ValueError, match="not allowed"):
        split_credentials(URL("http://a%3Ab:c@example.com/"))
