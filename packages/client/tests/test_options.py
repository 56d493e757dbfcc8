from __future__ import annotations

import ssl
from typing import Any, cast

import pytest
from multidict import CIMultiDict

from whimbrel.auth import BasicAuth
from whimbrel.options import ConnectionOptionsDict, RequestOptions, RequestOptionsDict
from whimbrel.timeouts import DEFAULT_TIMEOUT, ClientTimeout
from whimbrel_connector import Proxy

SESSION = RequestOptions(
    auth=BasicAuth("u", "p"),
    raise_for_status=True,
    read_bufsize=1000,
    proxy="http://proxy:3128",
    proxy_auth=BasicAuth("q", "r"),
    timeout=ClientTimeout(total=7),
    auto_decompress=False,
)


def merged(**changes: Any) -> RequestOptions:
    return SESSION.merged(cast("RequestOptionsDict", changes))


def test_the_defaults_are_those_of_the_reference() -> None:
    options = RequestOptions()
    assert (options.allow_redirects, options.max_redirects) == (True, 10)
    assert (options.ssl, options.auto_decompress, options.raise_for_status) == (True, True, False)
    assert options.read_bufsize == 2**16
    assert options.timeout is DEFAULT_TIMEOUT


def test_every_keyword_is_an_option() -> None:
    keywords = RequestOptionsDict.__annotations__.keys()
    assert keywords == set(RequestOptions._fields)
    assert ConnectionOptionsDict.__annotations__.keys() < keywords


def test_without_changes_it_is_the_sessions() -> None:
    assert merged() == SESSION


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("params", {"a": "1"}),
        ("data", b"x"),
        ("json", {"a": 1}),
        ("cookies", {"a": "1"}),
        ("headers", {"A": "1"}),
        ("auth", BasicAuth("x")),
        ("allow_redirects", False),
        ("max_redirects", 0),
        ("compress", "gzip"),
        ("chunked", True),
        ("raise_for_status", False),
        ("read_bufsize", 5),
        ("proxy", "http://other:1"),
        ("proxy_auth", BasicAuth("y")),
        ("timeout", ClientTimeout(connect=1)),
        ("ssl", False),
        ("server_hostname", "name"),
        ("auto_decompress", True),
    ],
)
def test_a_request_changes_one_option(name: str, value: object) -> None:
    before = SESSION
    options = merged(**{name: value})
    assert getattr(options, name) == value
    assert options._replace(**{name: getattr(SESSION, name)}) == before


@pytest.mark.parametrize(
    "name",
    [
        *("auth", "auto_decompress", "proxy", "proxy_auth", "raise_for_status", "read_bufsize"),
        *("timeout", "ssl"),
    ],
)
def test_none_means_what_the_session_says(name: str) -> None:
    assert merged(**{name: None}) == SESSION


def test_no_ssl_option_never_means_no_verification() -> None:
    assert merged(ssl=None).ssl is True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    assert SESSION._replace(ssl=context).merged({"ssl": cast("Any", None)}).ssl is context


@pytest.mark.parametrize(
    "name", ["params", "data", "json", "cookies", "headers", "proxy_headers", "skip_auto_headers"]
)
def test_none_means_nothing_where_there_is_nothing_of_the_session(name: str) -> None:
    assert getattr(merged(**{name: None}), name) is None


@pytest.mark.parametrize(("given", "total"), [(5, 5), (0.5, 0.5), (0, 0)])
def test_a_number_is_the_total_timeout(given: float, total: float) -> None:
    assert merged(timeout=given).timeout == ClientTimeout(total=total)


@pytest.mark.parametrize("given", ["5", (1, 2), object()])
def test_other_timeouts_are_errors(given: object) -> None:
    with pytest.raises(TypeError, match=f"timeout is {type(given).__name__}"):
        merged(timeout=given)


def test_unknown_options_are_errors() -> None:
    with pytest.raises(TypeError, match=r"Unknown request option\(s\): a_typo, verify"):
        merged(verify=False, a_typo=1, data=b"")


@pytest.mark.parametrize(
    ("data", "json", "fails"),
    [(b"", {}, True), ("x", 0, True), (None, {}, False), (b"", None, False), (None, None, False)],
)
def test_data_and_json_exclude_each_other(data: object, json: object, fails: bool) -> None:
    if fails:
        with pytest.raises(ValueError, match="data and json"):
            merged(data=data, json=json)
    else:
        options = merged(data=data, json=json)
        assert (options.data, options.json) == (data, json)


def test_what_every_hop_asks_for_is_kept() -> None:
    options = merged(
        skip_auto_headers=(name for name in ["A", "B"]),
        proxy_headers=((name, "1") for name in ["X", "Y"]),
    )
    for _ in range(2):
        assert set(options.skip_auto_headers or ()) == {"A", "B"}
        assert list(cast("Any", options.proxy_headers)) == [("X", "1"), ("Y", "1")]


def test_proxy_headers_keep_repeated_names() -> None:
    headers = CIMultiDict([("X", "1"), ("x", "2")])
    assert merged(proxy_headers=headers).proxy_headers == (("X", "1"), ("x", "2"))


def test_the_session_is_left_as_it_is() -> None:
    changes = cast("RequestOptionsDict", {"timeout": 5, "auth": None, "ssl": False})
    before = dict(changes)
    SESSION.merged(changes)
    assert changes == before
    assert SESSION.timeout == ClientTimeout(total=7)


def test_what_the_session_says_about_its_proxy_is_not_for_another_one() -> None:
    session = RequestOptions(proxy="http://proxy", proxy_auth=BasicAuth("u", "p"))
    other = Proxy.from_url("https://other")
    assert session.merged({"proxy": other}).proxy_auth is None
    assert session.merged({"proxy": other, "proxy_auth": None}).proxy_auth is None
    assert session.merged({"proxy": "http://other"}).proxy_auth == BasicAuth("u", "p")
    given = BasicAuth("u", "q")
    assert session.merged({"proxy": other, "proxy_auth": given}).proxy_auth == given
