import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    ContentType,
    LocalProtocolError,
    format_content_type,
    parse_content_type,
)


@pytest.mark.parametrize(
    ("value", "essence", "parameters"),
    [
        ("text/html", "text/html", {}),
        (" Text/HTML ", "text/html", {}),
        ("text/html; charset=utf-8", "text/html", {"charset": "utf-8"}),
        ("text/html;Charset=UTF-8;a=b", "text/html", {"charset": "UTF-8", "a": "b"}),
        ('text/html; charset="utf-8"', "text/html", {"charset": "utf-8"}),
        ('a/b; x="a;b=c\\"\\\\d"; y=z', "a/b", {"x": 'a;b=c"\\d', "y": "z"}),
        ('a/b; x=""', "a/b", {"x": ""}),
        ("a/b; charset=1; charset=2", "a/b", {"charset": "1"}),
        ("application/vnd.api+json ; version=1", "application/vnd.api+json", {"version": "1"}),
        # Rubbish that is seen.
        ("text/html;", "text/html", {}),
        ("text/html;;; charset=a;", "text/html", {"charset": "a"}),
        ("text/html; charset = utf-8 ", "text/html", {"charset": "utf-8"}),
        ('text/html; charset="utf-8', "text/html", {"charset": "utf-8"}),
        ("text/html; charset='utf-8'", "text/html", {"charset": "'utf-8'"}),
        ("text/html; charset", "text/html", {}),
        ("text/html; =x; charset=y", "text/html", {"charset": "y"}),
        ("text/html; a b=c; charset=y", "text/html", {"charset": "y"}),
        ('a/b; x="1"2; y=3', "a/b", {"x": "1", "y": "3"}),
        ("", "application/octet-stream", {}),
        ("json", "application/octet-stream", {}),
        ("text/", "application/octet-stream", {}),
        ("/html", "application/octet-stream", {}),
        ("text/html/x; charset=a", "application/octet-stream", {}),
        ("text html; charset=a", "application/octet-stream", {}),
        ("text/html, text/plain", "application/octet-stream", {}),
        ("; charset=utf-8", "application/octet-stream", {}),
        ("téxt/html", "application/octet-stream", {}),
    ],
)
def test_content_types(value: str, essence: str, parameters: dict[str, str]) -> None:
    assert parse_content_type(value) == ContentType(essence, parameters)


@given(st.text(st.sampled_from('a/;="\\ ,\té\n\x00'), max_size=30))
def test_no_content_type_is_an_error(value: str) -> None:
    found = parse_content_type("a/b" + value)
    assert found.essence in ("a/b", "application/octet-stream") or found.essence.startswith("a/b")


def test_a_content_type_cannot_be_changed() -> None:
    found = parse_content_type("a/b; c=d")
    with pytest.raises(TypeError):
        found.parameters["c"] = "e"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("value", "kind", "subtype", "charset"),
    [
        ("Text/HTML; charset=UTF-8", "text", "html", "UTF-8"),
        ("application/problem+json", "application", "problem+json", None),
        ("", "application", "octet-stream", None),
    ],
)
def test_the_parts_of_a_content_type(
    value: str, kind: str, subtype: str, charset: str | None
) -> None:
    found = parse_content_type(value)
    assert (found.type, found.subtype, found.charset) == (kind, subtype, charset)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (ContentType("text/html"), "text/html"),
        (ContentType("text/html", {"charset": "utf-8"}), "text/html; charset=utf-8"),
        (ContentType("a/b", {"x": "", "y": 'a;b="\\'}), r'a/b; x=""; y="a;b=\"\\"'),
        (ContentType("multipart/form-data", {"boundary": "a b"}),
         'multipart/form-data; boundary="a b"'),
    ],
)  # fmt: skip
def test_writing_content_types(value: ContentType, written: str) -> None:
    assert format_content_type(value) == written
    assert parse_content_type(written) == value


@pytest.mark.parametrize(
    "value",
    [
        ContentType(""),
        ContentType("text"),
        ContentType("text/html; a=b"),
        ContentType("text/html\r\nX: y"),
        ContentType("text/html", {"": "a"}),
        ContentType("text/html", {"a b": "c"}),
        ContentType("text/html", {"a": "b", "A": "b"}),
        ContentType("text/html", {"a": "b\r\nX: y"}),
        ContentType("text/html", {"a": "\x00"}),
        ContentType("text/html", {"a": "\ud800"}),
    ],
)
def test_what_is_no_content_type_is_not_written(value: ContentType) -> None:
    with pytest.raises(LocalProtocolError):
        format_content_type(value)


_NAMES = st.text(st.sampled_from("abc-*!'9"), min_size=1, max_size=5)


@given(st.dictionaries(_NAMES, st.text(st.sampled_from('ab;,="\\ \té\udce4€'), max_size=10)))
def test_what_is_written_is_read_back(parameters: dict[str, str]) -> None:
    value = ContentType("a/b", parameters)
    assert parse_content_type(format_content_type(value)) == value
