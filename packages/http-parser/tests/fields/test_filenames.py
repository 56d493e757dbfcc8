import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whimbrel_http_parser import parse_content_disposition, safe_filename

DEVICES = ["CON", "prn", "Aux", "NUL", "COM1", "lpt9", "COM\u00b2", "CONIN$", "conout$"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("Bericht für Zoë, 2026 (1).tar.gz", "Bericht für Zoë, 2026 (1).tar.gz"),
        ("報告.pdf", "報告.pdf"),
        # Directories and drives.
        ("../../etc/passwd", "passwd"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\windows\\win.ini", "win.ini"),
        ("C:\\Users\\a\\b.txt", "b.txt"),
        ("C:b.txt", "b.txt"),
        ("a:b:c.txt", "b_c.txt"),
        ("\\\\server\\share\\b.txt", "b.txt"),
        ("a/b\\c/d.txt", "d.txt"),
        ("a/..\\", "download"),
        ("file.txt:stream", "file.txt_stream"),
        # Dots and spaces.
        ("..", "download"),
        (".", "download"),
        ("... .", "download"),
        ("../", "download"),
        ("", "download"),
        (None, "download"),
        ("   ", "download"),
        (".bashrc", "bashrc"),
        ("..bashrc", "bashrc"),
        ("a.txt. . ", "a.txt"),
        ("a..b", "a..b"),
        # What is no character of a name.
        ("a\x00b\r\nc\x7f\x85.txt", "a_b__c__.txt"),
        ('a<b>c"d|e?f*g', "a_b_c_d_e_f_g"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2028b\u2029c\u2066d\ufeffe", "a_b_cde"),
        ("invoice\u061cfdp.exe", "invoicefdp.exe"),
        ("a\u200eb\u200fc", "abc"),
        ("\u200b", "download"),
        ("a\u200b\u00adb\U000e0041\U000e0001.txt", "ab.txt"),
        ("\u200b../\u200b..\u200b", "download"),
        ("\u200b.bashrc", "bashrc"),
        ("C\u200b:\u200bb", "b"),
        ("N\u200bUL", "_NUL"),
        ("a\ufdd0b\U0001fffec\U0010ffff", "a_b_c_"),
        # What means something to a shell.
        ("-rf", "_-rf"),
        ("--help.txt", "_--help.txt"),
        ("~root", "_~root"),
        (".-x", "_-x"),
        ("a-b~", "a-b~"),
        ("a\udce4b", "a_b"),
        ("\uffff", "_"),
        # Windows.
        ("nul.tar.gz", "_nul.tar.gz"),
        ("CON .txt", "_CON .txt"),
        ("COM0", "_COM0"),
        ("COM10", "COM10"),
        ("console.txt", "console.txt"),
        ("/tmp/aux", "_aux"),
    ],
)
def test_names(name: str | None, safe: str) -> None:
    assert safe_filename(name) == safe
    assert safe_filename(safe) == safe


@pytest.mark.parametrize("device", DEVICES)
def test_devices(device: str) -> None:
    assert safe_filename(device) == f"_{device}"
    assert safe_filename(f"{device}.txt") == f"_{device}.txt"


def test_the_default_is_the_callers() -> None:
    assert safe_filename("..", default="index.html") == "index.html"
    assert safe_filename(None, default="") == ""


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a" * 300, "a" * 240),
        ("a" * 300 + ".pdf", "a" * 236 + ".pdf"),
        ("é" * 200 + ".pdf", "é" * 118 + ".pdf"),
        ("€" * 200 + ".jpeg", "€" * 78 + ".jpeg"),
        ("a." + "b" * 300, "a." + "b" * 238),
        ("a" * 239 + ". " + "b" * 300, "a" * 239),
    ],
)
def test_long_names_keep_their_extension(name: str, safe: str) -> None:
    assert safe_filename(name) == safe
    assert safe_filename(safe) == safe


_PIECES = st.sampled_from(
    [*"/\\. :aé\x00\n\u202e\u200b-~", "..", "C:", "nul", "COM1", "€" * 50],
)
_NAMES = (
    st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Cf"]))
    | st.lists(_PIECES).map("".join)
)


@given(_NAMES)
def test_a_safe_name_is_safe(name: str) -> None:
    safe = safe_filename(name)
    assert safe
    assert len(safe.encode("utf-8")) <= 240
    assert not set(safe) & set('/\\:*?"<>|')
    assert not {unicodedata.category(character) for character in safe} & {"Cc", "Cf", "Cs"}
    assert safe[0] not in "-~"
    assert safe == safe.strip(". ")
    assert safe.partition(".")[0].strip().upper() not in {device.upper() for device in DEVICES}
    assert safe_filename(safe) == safe


@pytest.mark.parametrize(
    "value",
    [
        'attachment; filename="../../../etc/passwd"',
        'attachment; filename="..\\\\..\\\\passwd"',
        "attachment; filename*=UTF-8''..%2F..%2Fpasswd",
        "attachment; filename*=UTF-8''%2e%2e%5cpasswd",
        "attachment; filename*0*=UTF-8''..%2; filename*1*=Fpasswd",
    ],
)
def test_no_disposition_leads_out_of_the_folder(value: str) -> None:
    disposition = parse_content_disposition(value)
    assert disposition is not None
    assert safe_filename(disposition.filename) == "passwd"
