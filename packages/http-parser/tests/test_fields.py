import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import ContentType, KeepAlive, parse_content_type, parse_keep_alive


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


@pytest.mark.parametrize("piece", [";", ';a="', ';a="\\', "; ", ";a=", ";a =\t"])
def test_a_long_content_type_comes_to_an_end(piece: str) -> None:
    # Backtracking would not, within the time that any test has.
    found = parse_content_type("a/b" + piece * (100_000 // len(piece)))
    assert found.essence in {"a/b", "application/octet-stream"}


@pytest.mark.parametrize(
    ("value", "timeout", "maximum"),
    [
        ("timeout=5, max=100", 5, 100),
        ("timeout=5", 5, None),
        ("MAX=1 , Timeout = 7", 7, 1),
        ('timeout="5"', 5, None),
        ("timeout=0", 0, None),
        ("timeout=5, timeout=6", 5, None),
        ("", None, None),
        ("timeout", None, None),
        ("timeout=", None, None),
        ("timeout=-1, max=+1", None, None),
        ("timeout=1.5", None, None),
        ("timeout=٥", None, None),  # noqa: RUF001 -- a digit that is not ASCII
        ("timeout=1234567890", None, None),
        ("300", None, None),
        ("timeout=x, max=2", None, 2),
    ],
)
def test_keep_alive(value: str, timeout: int | None, maximum: int | None) -> None:
    assert parse_keep_alive(value) == KeepAlive(timeout, maximum)
