import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_cookiejar.paths import default_path, path_match, written_path

PATHS = st.lists(st.sampled_from(["a", "b", "", "ab"]), max_size=4).map(
    lambda parts: "/" + "/".join(parts)
)


@pytest.mark.parametrize(
    ("uri_path", "path"),
    [
        ("", "/"),
        ("*", "/"),
        ("a/b", "/"),
        ("/", "/"),
        ("/a", "/"),
        ("/a/", "/a"),
        ("/a/b", "/a"),
        ("/a/b/c", "/a/b"),
        ("/a//", "/a/"),
        ("//", "/"),
        ("/a%2Fb/c", "/a%2Fb"),
    ],
)
def test_default_path(uri_path: str, path: str) -> None:
    assert default_path(uri_path) == path


@pytest.mark.parametrize(
    ("request_path", "cookie_path", "matches"),
    [
        ("/", "/", True),
        ("/a", "/", True),
        ("/a", "/a", True),
        ("/a/", "/a", True),
        ("/a/b", "/a", True),
        ("/a/b", "/a/", True),
        ("/a", "/a/", False),
        ("/ab", "/a", False),
        ("/A", "/a", False),
        ("/", "/a", False),
        ("", "/", False),
        ("/a%2Fb", "/a", False),
    ],
)
def test_path_match(request_path: str, cookie_path: str, matches: bool) -> None:
    assert path_match(request_path, cookie_path) is matches


@given(PATHS)
def test_a_path_matches_its_own_default(uri_path: str) -> None:
    assert path_match(uri_path, default_path(uri_path))


@given(PATHS, PATHS)
def test_a_cookie_path_covers_itself_and_what_is_below(path: str, rest: str) -> None:
    assert path_match(path, path)
    assert path_match(path + rest, path)
    assert path_match(path, path + rest) == (path + rest == path)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("https://a.example/b/c", "/b/c"),
        ("https://a.example/", "/"),
        ("https://u:p@[::1]:8080/b?c=/d#/e", "/b"),
        ("https://a.example/b#/c?d", "/b"),
        ("https://a.example/%c3%a9/%7e/./../x", "/%c3%a9/%7e/./../x"),
        ("https://a.example//b;c=d", "//b;c=d"),
        ("view-source+x.y://a/b", "/b"),
        # There is none,
        ("https://a.example", ""),
        ("https://a.example?b=/c", ""),
        ("https://a.example#/b", ""),
        ("", ""),
        ("/b", ""),
        ("//a.example/b", ""),
        ("mailto:a@b.example/c", ""),
        # or it is none that can be sent.
        ("https://a.example/\u00e9", ""),
        ("https://a.example/b c", ""),
        ("https://a.example/b\n", ""),
        ("https://a.example/[b]", ""),
        ("https://a.example/b\\c", ""),
    ],
)
def test_written_path(uri: str, path: str) -> None:
    assert written_path(uri) == path
