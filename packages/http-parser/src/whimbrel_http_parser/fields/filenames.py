"""File names that a peer suggests, made safe to use (RFC 6266 section 4.3)."""

import re
import unicodedata
from typing import Final

__all__ = ["safe_filename"]

# RFC 6266 section 4.3: no directory is to be taken from a peer, and no drive.
_DRIVE: Final = re.compile(r"[A-Za-z]:")

# What no file name should have: the control characters and line ends, what no encoding has
# (surrogates and noncharacters), and what means something on Windows. Format characters, which
# are not seen and can show "exe.txt" for "txt.exe", are taken out before.
_NONCHARACTERS: Final = "\ufdd0-\ufdef" + "".join(
    f"{chr(plane | 0xFFFE)}-{chr(plane | 0xFFFF)}" for plane in range(0, 0x110000, 0x10000)
)
_FORBIDDEN: Final = re.compile(
    f'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff{_NONCHARACTERS}<>:"|?*]'
)

# The devices of Windows, which they are in any folder and with any extension.
_DEVICE: Final = re.compile(
    "(?:CON|PRN|AUX|NUL|CONIN\\$|CONOUT\\$|(?:COM|LPT)[0-9\u00b9\u00b2\u00b3]) *+(?:\\..*+)?",
    re.IGNORECASE | re.ASCII,
)

# What a command or a shell would take for an option, or for somebody's home.
_MEANS_MORE: Final = ("-", "~")

# File systems take 255 octets; this leaves room for a number or a ".part" behind the name.
_MOST_OCTETS: Final = 240
_LONGEST_EXTENSION: Final = 20


def safe_filename(name: str | None, default: str = "download") -> str:
    r"""Make a file name that a peer suggests safe to use in a folder of the caller's choice.

    The result has no directory, no drive, no control or format character, no noncharacter and none
    of `<>:"/\|?*`; it begins and ends with neither dot nor space, so that it is neither `..` nor
    hidden, begins with neither hyphen nor tilde, is no device of Windows, and has at most 240
    octets in UTF-8. It may be the name of a file that is there
    already, and its extension may be that of a program: both are for the caller to decide.

    Args:
        name: the name as it came: `ContentDisposition.filename`, or the last part of a URL's path.
        default: what to return, as it is, where nothing is left.
    """
    text = _without_format_characters(name or "")
    text = text[max(text.rfind("/"), text.rfind("\\")) + 1 :]
    drive = _DRIVE.match(text)
    cleaned = _FORBIDDEN.sub("_", text if drive is None else text[drive.end() :]).strip(". ")
    if cleaned.startswith(_MEANS_MORE) or _DEVICE.fullmatch(cleaned) is not None:
        cleaned = f"_{cleaned}"
    return _shortened(cleaned) or default


def _without_format_characters(text: str) -> str:
    if text.isascii():
        return text
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _shortened(name: str) -> str:
    octets = name.encode("utf-8")
    if len(octets) <= _MOST_OCTETS:
        return name
    stem, dot, extension = octets.rpartition(b".")
    if not dot or len(extension) > _LONGEST_EXTENSION:
        return octets[:_MOST_OCTETS].decode("utf-8", "ignore").rstrip(". ")
    room = _MOST_OCTETS - len(dot + extension)
    return (stem[:room] + dot + extension).decode("utf-8", "ignore")
