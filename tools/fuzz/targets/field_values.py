"""Any text is a field value or none, and what is written of it again means the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from whimbrel_http_parser import (
    LocalProtocolError,
    format_challenges,
    format_content_disposition,
    format_content_type,
    format_credentials,
    format_etag,
    format_etags,
    format_form_data_disposition,
    format_http_date,
    format_keep_alive,
    format_links,
    format_retry_after,
    parse_challenges,
    parse_content_disposition,
    parse_content_type,
    parse_credentials,
    parse_etag,
    parse_etags,
    parse_http_date,
    parse_keep_alive,
    parse_links,
    parse_retry_after,
    safe_filename,
)

__all__ = ["check_field_values"]

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_CONTROLS = frozenset(map(chr, [*range(9), *range(10, 32), 127]))
_LONGEST_NAME = 240
"""Octets of a safe file name."""

_FIELDS: tuple[tuple[Callable[[str], Any], Callable[[Any], str]], ...] = (
    (parse_challenges, format_challenges),
    (parse_content_disposition, format_content_disposition),
    (parse_content_type, format_content_type),
    (parse_credentials, format_credentials),
    (parse_etag, format_etag),
    (parse_etags, format_etags),
    (parse_http_date, format_http_date),
    (lambda text: parse_http_date(text, now=_NOW), format_http_date),
    (parse_keep_alive, format_keep_alive),
    (parse_links, format_links),
    (parse_retry_after, format_retry_after),
)


def check_field_values(data: bytes) -> None:
    """Read `data` as the value of every field, and as a file name.

    Raises:
        AssertionError: what was read is written as something else or as more than a field value,
            or a file name is not safe.
    """
    text = data.decode("utf-8", "surrogateescape")
    for parse, write in _FIELDS:
        found = parse(text)
        if found is None:
            continue
        try:
            written = write(found)
        except LocalProtocolError:
            continue  # it was read leniently
        assert not _CONTROLS & set(written), written
        assert parse(written) == found, (found, written)
    disposition = parse_content_disposition(text)
    _check_name(text if disposition is None else disposition.filename or "")
    _check_form(text)


def _check_name(name: str) -> None:
    safe = safe_filename(name)
    assert safe
    assert len(safe.encode("utf-8")) <= _LONGEST_NAME
    assert not (_CONTROLS | set('\t/\\:*?"<>|')) & set(safe), safe
    assert safe == safe.strip(". ")
    assert safe[0] not in "-~"
    assert safe_filename(safe) == safe


def _check_form(name: str) -> None:
    try:
        written = format_form_data_disposition(name, name)
    except LocalProtocolError:
        return
    assert not _CONTROLS & set(written), written
    assert written.count('"') == 4, written
