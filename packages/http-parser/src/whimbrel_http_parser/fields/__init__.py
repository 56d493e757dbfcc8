"""Field values that clients and servers must understand, as values; read and written.

`parse_...` never raises for anything that a peer may send: what it got wrong concerns nobody but
the reader of that field. Each makes the best of it, says what that is, and returns `None` or
something empty where nothing sensible is left. `format_...` raises `LocalProtocolError` for what
would break out of its place, and what it writes is read back as it was, but for the case of
names.

A value is text as `Response.headers` gives it, in which octets that are not UTF-8 are surrogate
escapes, or bytes as `Response.values` does. `None` is a field that is not there, and is read as an
empty one. Fields that are lists take one value or those of several field lines. Anything else is a
`TypeError`. Reading takes time and memory linear in its length, which `Limits` bounds.
"""

from whimbrel_http_parser.fields._text import FieldValue, FieldValues
from whimbrel_http_parser.fields.authentication import (
    Challenge,
    Credentials,
    format_challenges,
    format_credentials,
    parse_challenges,
    parse_credentials,
)
from whimbrel_http_parser.fields.content_disposition import (
    ContentDisposition,
    format_content_disposition,
    format_form_data_disposition,
    parse_content_disposition,
)
from whimbrel_http_parser.fields.content_type import (
    ContentType,
    format_content_type,
    parse_content_type,
)
from whimbrel_http_parser.fields.dates import format_http_date, parse_http_date
from whimbrel_http_parser.fields.entity_tags import (
    EntityTag,
    format_etag,
    format_etags,
    parse_etag,
    parse_etags,
)
from whimbrel_http_parser.fields.filenames import safe_filename
from whimbrel_http_parser.fields.keep_alive import KeepAlive, format_keep_alive, parse_keep_alive
from whimbrel_http_parser.fields.links import Link, format_links, parse_links
from whimbrel_http_parser.fields.retry_after import format_retry_after, parse_retry_after

__all__ = [
    "Challenge",
    "ContentDisposition",
    "ContentType",
    "Credentials",
    "EntityTag",
    "FieldValue",
    "FieldValues",
    "KeepAlive",
    "Link",
    "format_challenges",
    "format_content_disposition",
    "format_content_type",
    "format_credentials",
    "format_etag",
    "format_etags",
    "format_form_data_disposition",
    "format_http_date",
    "format_keep_alive",
    "format_links",
    "format_retry_after",
    "parse_challenges",
    "parse_content_disposition",
    "parse_content_type",
    "parse_credentials",
    "parse_etag",
    "parse_etags",
    "parse_http_date",
    "parse_keep_alive",
    "parse_links",
    "parse_retry_after",
    "safe_filename",
]
