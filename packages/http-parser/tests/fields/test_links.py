import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from whimbrel_http_parser import Link, LocalProtocolError, format_links, parse_links


def link(target: str, rel: str, **parameters: str) -> Link:
    return Link(target, tuple(rel.split()), MultiDict(parameters))


@pytest.mark.parametrize(
    ("values", "links"),
    [
        # RFC 8288 section 3.5
        (
            '<http://example.com/TheBook/chapter2>; rel="previous"; title="previous chapter"',
            [link("http://example.com/TheBook/chapter2", "previous", title="previous chapter")],
        ),
        ('</>; rel="http://example.net/foo"', [link("/", "http://example.net/foo")]),
        (
            '</terms>; rel="copyright"; anchor="#foo"',
            [link("/terms", "copyright", anchor="#foo")],
        ),
        (
            "</TheBook/chapter2>; rel=\"previous\"; title*=UTF-8'de'letztes%20Kapitel,"
            "</TheBook/chapter4>; rel=\"next\"; title*=UTF-8'de'n%c3%a4chstes%20Kapitel",
            [
                link("/TheBook/chapter2", "previous", title="letztes Kapitel"),
                link("/TheBook/chapter4", "next", title="nächstes Kapitel"),
            ],
        ),
        (
            '<http://example.org/>; rel="start http://example.net/relation/other"',
            [link("http://example.org/", "start http://example.net/relation/other")],
        ),
        # Where commas and semicolons belong to something.
        ("</a,b;c>; rel=next", [link("/a,b;c", "next")]),
        ('</a>; title="x, <y>; rel=z"; rel=next', [link("/a", "next", title="x, <y>; rel=z")]),
        ('</a>; title="\\", \\\\"; rel=next, </b>; rel=last',
         [link("/a", "next", title='", \\'), link("/b", "last")]),
        # Forms.
        ("<>; rel=self", [link("", "self")]),
        ("<a>", [link("a", "")]),
        ("<a>;rel=x,<b>;rel=y", [link("a", "x"), link("b", "y")]),
        (["<a>; rel=x", "", "<b>; rel=y"], [link("a", "x"), link("b", "y")]),
        ("<a> ; rel = x ; title = y", [link("a", "x", title="y")]),
        ("< a >; rel=x", [link("a", "x")]),
        ("<a>; REL=Next", [link("a", "next")]),
        ('<a>; rel="Next  NEXT\tlast"', [link("a", "next last")]),
        ("<a>; rel=x; rel=y", [link("a", "x")]),
        ("<a>; rel=; rel=y", [link("a", "")]),
        ("<a>; rel=preload; as=font; crossorigin",
         [Link("a", ("preload",), MultiDict({"as": "font", "crossorigin": ""}))]),
        ("<a>; rel=x; rev=y", [link("a", "x", rev="y")]),
        ("<é>; rel=x", [link("é", "x")]),
        # What counts of several.
        ("<a>; rel=x; title=1; title=2", [link("a", "x", title="1")]),
        ("<a>; rel=x; title*=UTF-8''1; title=2; title*=UTF-8''3", [link("a", "x", title="1")]),
        ("<a>; rel=x; title=2; title*=UTF-8''1", [link("a", "x", title="1")]),
        ("<a>; rel=x; title=2; title*=UTF-8''%", [link("a", "x", title="2")]),
        ("<a>; rel=x; media=1; type=2; anchor=3; media=4; type=5; anchor=6",
         [link("a", "x", media="1", type="2", anchor="3")]),
        ("<a>; rel=x; hreflang=de; hreflang=en",
         [Link("a", ("x",), MultiDict([("hreflang", "de"), ("hreflang", "en")]))]),
        ("<a>; rel=x; anchor*=UTF-8''b; rel*=UTF-8''c; type*=UTF-8''d", [link("a", "x")]),
        # Rubbish.
        ("", []),
        (" , ,", []),
        ("a", []),
        ("<a", []),
        ("a, <b>; rel=x", []),
        (["a", "<b>; rel=x"], [link("b", "x")]),
        ("<a>; rel=x, b, <c>; rel=y", [link("a", "x")]),
        ("<a> junk; rel=x", [link("a", "x")]),
        ("<a>; rel=x junk, <b>; rel=y", [link("a", "x junk"), link("b", "y")]),
        ('<a>; rel="x"junk; title=y', [link("a", "x", title="y")]),
        ('<a>; rel="x', [link("a", "x")]),
        ('<a>; rel="x, <b>; rel=y', [link("a", "x, <b>; rel=y")]),
        ('<a>; rel="x\\', [link("a", "x")]),
        ("<a>;;; rel=x;", [link("a", "x")]),
        ("<a>; =y; é=z; *=a; b**=UTF-8''c; rel=x", [link("a", "x")]),
        ("<a>; d*=e; rel=x", [link("a", "x")]),
        (",<a>; rel=x,,<b>; rel=y,", [link("a", "x"), link("b", "y")]),
    ],
)  # fmt: skip
def test_links(values: str | list[str], links: list[Link]) -> None:
    assert parse_links(values) == tuple(links)


def test_the_parts_of_a_link() -> None:
    [found] = parse_links("<a>; rel=x; anchor=b; title=c; hreflang=de; hreflang=en")
    assert (found.anchor, found.title) == ("b", "c")
    assert found.parameters.getall("hreflang") == ["de", "en"]
    bare = Link("a")
    assert (bare.anchor, bare.title, bare.rel, len(bare.parameters)) == (None, None, (), 0)


def test_a_link_cannot_be_changed() -> None:
    [found] = parse_links("<a>; rel=x; title=y")
    with pytest.raises(TypeError):
        found.parameters["title"] = "z"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("links", "written"),
    [
        ([], ""),
        ([link("/a?b=c", "next")], "</a?b=c>; rel=next"),
        ([link("", "a b")], '<>; rel="a b"'),
        ([link("a", "x", title='"\\')], r'<a>; rel=x; title="\"\\"'),
        ([link("a", "x", title="ä", nopush="")], "<a>; rel=x; title*=UTF-8''%C3%A4; nopush=\"\""),
        ([link("a,b", "x"), link("c", "y")], "<a,b>; rel=x, <c>; rel=y"),
        (
            [Link("a", ("x",), MultiDict([("y", "1"), ("y", "é")]))],
            "<a>; rel=x; y*=UTF-8''1; y*=UTF-8''%C3%A9",
        ),
    ],
)
def test_writing(links: list[Link], written: str) -> None:
    assert format_links(links) == written
    assert parse_links(written) == tuple(links)


@pytest.mark.parametrize(
    "wrong",
    [
        Link("a>b", ("x",)),
        Link("a<b", ("x",)),
        Link("a b", ("x",)),
        Link("a\r\nX: y", ("x",)),
        Link("é", ("x",)),
        Link("a"),
        Link("a", ("",)),
        Link("a", ("x y",)),
        Link("a", ("x\n",)),
        Link("a", ("é",)),
        Link("a", ("x",), MultiDict({"rel": "y"})),
        Link("a", ("x",), MultiDict({"Rel": "y"})),
        link("a", "x", anchor="é"),
        link("a", "x", Title="1", title="2"),
        Link("a", ("x",), MultiDict([("title", "1"), ("title", "2")])),
        Link("a", ("x",), MultiDict({"title*": "1"})),
        Link("a", ("x",), MultiDict({"a b": "1"})),
        Link("a", ("x",), MultiDict({"a b": "é"})),
        link("a", "x", title="\n"),
        link("a", "x", title="é\n"),
        link("a", "x", title="é\udce4"),
    ],
)
def test_what_is_not_written(wrong: Link) -> None:
    with pytest.raises(LocalProtocolError):
        format_links([Link("b", ("y",)), wrong])


_TARGETS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="<>"))
_RELATIONS = st.lists(st.text('abc:/.-";,<>\\', min_size=1), min_size=1, unique=True).map(tuple)
_ATTRIBUTES = st.dictionaries(st.text("abcdef-*", min_size=1).filter(lambda n: n[-1] != "*"),
                              st.text('ab"\\;,=<> \té€'))  # fmt: skip


@given(st.lists(st.builds(Link, _TARGETS, _RELATIONS, _ATTRIBUTES.map(MultiDict))))
def test_what_is_written_is_read_back(links: list[Link]) -> None:
    assert parse_links(format_links(links)) == tuple(links)


def test_relation_types_are_several() -> None:
    with pytest.raises(TypeError, match="relation types"):
        Link("a", "next")  # type: ignore[arg-type]  # what the test is about
    assert Link("a", ["next"]) == Link("a", ("next",))  # type: ignore[arg-type]  # made a tuple
