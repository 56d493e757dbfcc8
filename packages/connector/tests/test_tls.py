from __future__ import annotations

import ssl
from typing import Any

import pytest

from whimbrel_connector import Endpoint, Fingerprint, TCPConnector, merge_ssl
from whimbrel_connector._tls import context_for, server_name

CONTEXT = ssl.create_default_context()
PIN = bytes(32)


def test_contexts_are_made_once_for_each_configuration() -> None:
    verifying = context_for(True, ("http/1.1",))
    assert context_for(True, ("http/1.1",)) is verifying
    assert context_for(True, ("h2",)) is not verifying
    assert verifying.verify_mode is ssl.CERT_REQUIRED
    assert verifying.check_hostname


@pytest.mark.parametrize("option", [False, Fingerprint(PIN)])
def test_contexts_without_verification(option: Any) -> None:
    context = context_for(option, ())
    assert context.verify_mode is ssl.CERT_NONE
    assert not context.check_hostname
    assert context is context_for(False, ())


def test_context_of_the_user_is_taken_as_it_is() -> None:
    assert context_for(CONTEXT, ("http/1.1",)) is CONTEXT


@pytest.mark.parametrize(
    ("endpoint", "name"),
    [
        (Endpoint("example.org", 1, True), "example.org"),
        (Endpoint("example.org.", 1, True), "example.org"),
        (Endpoint("127.0.0.1", 1, True, server_hostname="example.org."), "example.org"),
    ],
)
def test_server_name(endpoint: Endpoint, name: str) -> None:
    assert server_name(endpoint) == name


@pytest.mark.parametrize(
    ("options", "merged"),
    [
        ({"verify_ssl": False}, False),
        ({"verify_ssl": True}, True),
        ({"ssl_context": CONTEXT}, CONTEXT),
        ({"fingerprint": PIN}, Fingerprint(PIN)),
    ],
)
def test_deprecated_options_warn_and_work(options: Any, merged: Any) -> None:
    with pytest.warns(DeprecationWarning, match=f"{next(iter(options))} is deprecated, use ssl"):
        assert merge_ssl(True, **options) == merged


@pytest.mark.parametrize("option", [True, False, CONTEXT, Fingerprint(PIN)])
def test_option_alone_is_taken(option: Any) -> None:
    assert merge_ssl(option) is option


def test_options_exclude_each_other() -> None:
    with (
        pytest.warns(DeprecationWarning, match="ssl_context"),
        pytest.raises(ValueError, match="exclude each other"),
    ):
        merge_ssl(False, ssl_context=CONTEXT)


@pytest.mark.parametrize("option", ["yes", 1, 0, None, PIN])
@pytest.mark.parametrize(
    "take",
    [
        merge_ssl,
        lambda option: context_for(option, ()),
        lambda option: Endpoint("h", 1, True, ssl=option),
        lambda option: Endpoint("h", 1, False, ssl=option),
        lambda option: TCPConnector(ssl=option),
    ],
)
def test_option_of_another_type_is_refused(take: Any, option: Any) -> None:
    """Truth is not enough: nobody's trust depends on what `1` or `None` may have meant."""
    with pytest.raises(TypeError, match="ssl must be"):
        take(option)


def test_excerpt_of_a_refused_option_is_bounded() -> None:
    option: Any = "x" * 10_000
    with pytest.raises(TypeError) as caught:
        merge_ssl(option)
    assert len(str(caught.value)) < 200
