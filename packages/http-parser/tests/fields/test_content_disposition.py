import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import (
    ContentDisposition,
    LocalProtocolError,
    format_content_disposition,
    format_form_data_disposition,
    parse_content_disposition,
)


@pytest.mark.parametrize(
    ("value", "disposition_type", "parameters"),
    [
        ("inline", "inline", {}),
        (" Attachment ", "attachment", {}),
        ("form-data; name=a", "form-data", {"name": "a"}),
        ("x-own;a=b ; C = d", "x-own", {"a": "b", "c": "d"}),
        ("attachment;", "attachment", {}),
        ("attachment; ; a=b;;", "attachment", {"a": "b"}),
        ("attachment; a=1; a=2", "attachment", {"a": "1"}),
        ('attachment; creation-date="Sun, 06 Nov 1994 08:49:37 GMT"; size=12', "attachment",
         {"creation-date": "Sun, 06 Nov 1994 08:49:37 GMT", "size": "12"}),
        # No type.
        ("filename=a.txt", "attachment", {"filename": "a.txt"}),
        ("; filename=a.txt", "attachment", {"filename": "a.txt"}),
        ('"attachment"; filename=a.txt', "attachment", {"filename": "a.txt"}),
        ("attachment, x; filename=a.txt", "attachment", {"filename": "a.txt"}),
        # Both forms of any parameter.
        ("a; title=x; title*=UTF-8''%e2%82%ac", "a", {"title": "€"}),
        ("a; title*=UTF-8''%e2%82%ac", "a", {"title": "€"}),
        ("a; title*=nonsense", "a", {}),
        ("a; *=b; **=c; a*b=d; a**=e; n=f", "a", {"n": "f"}),
    ],
)  # fmt: skip
def test_dispositions(value: str, disposition_type: str, parameters: dict[str, str]) -> None:
    found = parse_content_disposition(value)
    assert found == ContentDisposition(disposition_type, parameters)
    assert list(found.parameters) == list(parameters)


@pytest.mark.parametrize(
    "value", ["", " ", ";", "; ;", '"inline"', "attachment, inline", "=", "=a", "a b", "é", "a; é"]
)
def test_what_says_nothing(value: str) -> None:
    found = parse_content_disposition(value)
    if value.startswith("a;"):
        assert found == ContentDisposition("a")
    else:
        assert found is None


@pytest.mark.parametrize(
    ("parameters", "filename"),
    [
        # RFC 6266 section 5
        ("Filename=example.html", "example.html"),
        ('filename= "an example.html"', "an example.html"),
        ("filename*= UTF-8''%e2%82%ac%20rates", "€ rates"),
        ("filename=\"EURO rates\"; filename*=utf-8''%e2%82%ac%20rates", "€ rates"),
        # Plain values as they should be.
        ("filename=a.txt", "a.txt"),
        ('filename="a.txt"', "a.txt"),
        ('filename="a;b,c=d.txt"', "a;b,c=d.txt"),
        (r'filename="f\oo.html"', "foo.html"),
        (r'filename="\"quoting\" tested.html"', '"quoting" tested.html'),
        (r'filename="a\\b.html"', r"a\b.html"),
        ('filename=""', ""),
        ('name="x;filename=b"; filename=a', "a"),
        ('xfilename=b; filename="a"', "a"),
        # Plain values as they are sent.
        ("filename=", ""),
        ("filename=foo bar.html", "foo bar.html"),
        ("filename=foo,bar.html ", "foo,bar.html"),
        ("filename=foo[1](2).html", "foo[1](2).html"),
        ("filename='foo bar.html'", "'foo bar.html'"),
        ("filename=foo-ä.html", "foo-ä.html"),
        ('filename="foo-ä.html"', "foo-ä.html"),
        ('filename="foo-\udce4.html"', "foo-ä.html"),
        ('filename="5 \udc80 \udc81"', "5 \x80 \x81"),
        ('filename="5 \udc80"', "5 €"),
        ('filename="foo', "foo"),
        ('filename="foo\\', "foo\\"),
        ('filename=foo"', "foo"),
        ('filename="foo.html".txt', "foo.html"),
        ('filename="foo.html" junk; a=b', "foo.html"),
        ('filename = "a"', "a"),
        ("filename=a;filename=b", "a"),
        ("filename=a; junk; =x; b", "a"),
        ("filename", None),
        ('"filename=a"', None),
        ("a=b", None),
        # Directories come as they are, and quotes take their backslashes, as in browsers.
        ("filename=../../a", "../../a"),
        ("filename=C:\\temp\\a.txt", "C:\\temp\\a.txt"),
        ('filename="C:\\temp\\a.txt"', "C:tempa.txt"),
        ('filename="C:\\\\temp\\\\a.txt"', "C:\\temp\\a.txt"),
        # Not decoded: what only some recipients decode.
        ('filename="foo-%41.html"', "foo-%41.html"),
        ('filename="foo-%c3%a4.html"', "foo-%c3%a4.html"),
        ('filename="=?UTF-8?Q?foo-=C3=A4.html?="', "=?UTF-8?Q?foo-=C3=A4.html?="),
        # RFC 8187
        ("filename*=iso-8859-1''foo-%E4.html", "foo-ä.html"),
        ("filename*=UTF-8''foo-%c3%a4-%e2%82%ac.html", "foo-ä-€.html"),
        ("filename*=UTF-8''A-%2541.html", "A-%41.html"),
        ("filename*=UTF-8''%5cfoo.html", "\\foo.html"),
        ("filename*=UTF-8'de'a", "a"),
        ("FILENAME*=utf-8''a", "a"),
        ("filename* =UTF-8''a", "a"),
        ("filename*= UTF-8''a", "a"),
        ("filename*=\"UTF-8''foo-%c3%a4.html\"", "foo-ä.html"),
        ("filename*=UTF-8''foo bar.html", "foo bar.html"),
        ("filename*=UTF-8''a; filename*=UTF-8''b", "a"),
        ("filename*=UTF-8''a; filename=b", "a"),
        ("filename=b; filename*=UTF-8''a", "a"),
        ("filename*=''foo-%c3%a4.html", None),
        ("filename *=UTF-8''a", None),
        # An ext-value that cannot be decoded is not there.
        ("filename*=UTF-8''foo-%E4.html; filename=b", "b"),
        ("filename=b; filename*=UTF-8''foo-%E4.html", "b"),
        ("filename=b; filename*=UTF-8''%", "b"),
        ("filename=b; filename*=UTF-8''%e", "b"),
        ("filename=b; filename*=UTF-8''%zz", "b"),
        ("filename=b; filename*=utf-16''a", "b"),
        ("filename=b; filename*=foo", "b"),
        ("filename=b; filename*=UTF-8'foo", "b"),
        ("filename=b; filename*=UTF-8''%; filename*=UTF-8''c", "c"),
        # RFC 2231 sections 3 and 4.1
        ('filename*0="foo."; filename*1="html"', "foo.html"),
        ('filename*1="html"; filename*0="foo."', "foo.html"),
        (r'filename*0="foo"; filename*1="\b\a\r.html"', "foobar.html"),
        ("filename*0*=UTF-8''foo-%c3%a4; filename*1=\".html\"", "foo-ä.html"),
        ("filename*0*=UTF-8''foo-%c3; filename*1*=%a4.html", "foo-ä.html"),
        ("filename*0*=UTF-8''100; filename*1=%41", "100%41"),
        ("filename*0=foo; filename*2=bar", "foo"),
        ("filename*0=foo; filename*01=bar", "foo"),
        ("filename*0=foo; filename*0=bar", "foo"),
        ("filename*1=foo; filename*2=bar", None),
        ("filename*00=foo", None),
        ("filename*0=foo; filename*1*=%41", None),
        ("filename*0*=foo; filename*1*=%41", None),
        ("filename*0*=UTF-8''%e4", None),
        ("filename*99999999999=foo", None),
        ("filename*0=a\udce4; filename*1=b", "aäb"),
        ("filename*0=foo; filename=b", "b"),
        ("filename*0=foo; filename*=UTF-8''b", "b"),
    ],
)
def test_file_names(parameters: str, filename: str | None) -> None:
    found = parse_content_disposition(f"attachment; {parameters}")
    assert found is not None
    assert found.type == "attachment"
    assert found.filename == filename
    without_type = parse_content_disposition(parameters)
    assert (without_type and without_type.filename) == filename


def test_surrogates_that_stand_for_no_octet_are_left_alone() -> None:
    filename = chr(0xD800) + chr(0xDCE4)
    found = parse_content_disposition(f"inline; filename={filename}")
    assert found is not None
    assert found.filename == filename


def test_a_disposition_cannot_be_changed() -> None:
    found = parse_content_disposition("a; c=d")
    assert found is not None
    with pytest.raises(TypeError):
        found.parameters["c"] = "e"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("filename", "written"),
    [
        ("a.txt", "attachment; filename=a.txt"),
        ("an example.html", 'attachment; filename="an example.html"'),
        ("", 'attachment; filename=""'),
        ("100%.txt", "attachment; filename=100%.txt"),
        ("€ rates", "attachment; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates"),
        # RFC 6266 appendix D: not in plain form.
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
        ("a\\b", "attachment; filename=\"a_b\"; filename*=UTF-8''a%5Cb"),
        ('a"b', "attachment; filename=\"a_b\"; filename*=UTF-8''a%22b"),
        ("a\tb", "attachment; filename=\"a_b\"; filename*=UTF-8''a%09b"),
    ],
)
def test_writing_file_names(filename: str, written: str) -> None:
    value = ContentDisposition.with_filename(filename)
    assert value.filename == filename
    assert format_content_disposition(value) == written
    assert parse_content_disposition(written) == value


def test_writing_parameters() -> None:
    parameters = {"filename": "a", "size": "12", "x": 'a"\\', "title": "ä"}
    value = ContentDisposition("inline", parameters)
    written = format_content_disposition(value)
    assert written == 'inline; filename=a; size=12; x="a\\"\\\\"; title*=UTF-8\'\'%C3%A4'
    assert parse_content_disposition(written) == value
    assert format_content_disposition(ContentDisposition("inline")) == "inline"


def test_a_disposition_with_a_file_name() -> None:
    assert ContentDisposition.with_filename("a") == ContentDisposition(
        "attachment", {"filename": "a"}
    )
    assert ContentDisposition.with_filename("a", "inline").type == "inline"
    with pytest.raises(TypeError):
        ContentDisposition.with_filename("a").parameters["b"] = "c"  # type: ignore[index]  # what the test is about


@pytest.mark.parametrize(
    ("disposition_type", "parameters"),
    [
        ("", {}),
        ("a b", {}),
        ("a; b=c", {}),
        ("inline", {"filename": "a\r\nX: y"}),
        ("inline", {"filename": "\u20ac\x00"}),
        ("inline", {"filename": "a\udce4"}),
        ("inline", {"filename": "a", "FileName": "a"}),
        ("inline", {"b": "a", "B": "ç"}),
        ("inline", {"filename*": "a"}),
        ("inline", {"filename*0": "a"}),
        ("inline", {"a b": "c"}),
        ("inline", {"a b": "ç"}),
        ("inline", {"": "c"}),
        ("inline", {"a": "\n"}),
        ("inline", {"a": "ç\n"}),
    ],
)
def test_what_is_not_written(disposition_type: str, parameters: dict[str, str]) -> None:
    with pytest.raises(LocalProtocolError):
        format_content_disposition(ContentDisposition(disposition_type, parameters))


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"])) | st.text('b%41"\\;=* \'é', max_size=8),
    st.dictionaries(st.text("abc-.!", min_size=1), st.text('a%2"\\;=é\' ')),
)  # fmt: skip
def test_what_is_written_is_read_back(filename: str, parameters: dict[str, str]) -> None:
    value = ContentDisposition("inline", {"filename": filename, **parameters})
    written = format_content_disposition(value)
    assert written.isascii()
    assert parse_content_disposition(written) == value


@pytest.mark.parametrize(
    ("name", "filename", "written"),
    [
        ("a", None, 'form-data; name="a"'),
        ("", "", 'form-data; name=""; filename=""'),
        ("a", "b c.txt", 'form-data; name="a"; filename="b c.txt"'),
        ("é", "€.txt", 'form-data; name="é"; filename="€.txt"'),
        ('a"b', 'c";d', 'form-data; name="a%22b"; filename="c%22;d"'),
        ("a\r\nb", "c\nd", 'form-data; name="a%0D%0Ab"; filename="c%0Ad"'),
        ("100%25", "\\", 'form-data; name="100%25"; filename="\\"'),
        ("a", "\udce4", 'form-data; name="a"; filename="\udce4"'),
    ],
)
def test_form_data(name: str, filename: str | None, written: str) -> None:
    assert format_form_data_disposition(name, filename) == written


@pytest.mark.parametrize("code", [0, 1, 8, 0x0B, 0x0C, 0x1F, 0x7F, 0xD800])
def test_control_characters_do_not_get_into_form_data(code: int) -> None:
    with pytest.raises(LocalProtocolError):
        format_form_data_disposition(f"a{chr(code)}")
    with pytest.raises(LocalProtocolError):
        format_form_data_disposition("a", f"a{chr(code)}")


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])), st.text('a"\r\n;='))
def test_nothing_breaks_out_of_form_data(name: str, filename: str) -> None:
    written = format_form_data_disposition(name, filename)
    assert written.count('"') == 4
    assert not set(written) & set("\r\n")
    if "\\" not in name:
        found = parse_content_disposition(written)
        assert found is not None
        assert list(found.parameters) == ["name", "filename"]
