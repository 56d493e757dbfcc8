"""Dates as servers write them, at the edges of what is one, and beyond."""

from __future__ import annotations

__all__ = ["SEEDS"]

SEEDS = (
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"Sunday, 06-Nov-94 08:49:37 GMT",
    b"Sun Nov  6 08:49:37 1994",
    b"6/november/2069;0:0:0",
    b"00:00:00 31 Dec 9999",
    b"01 Jan 1601 00:00:00",
    b"31 Dec 1600 23:59:59",
    b"29 Feb 2000 1:2:3, 29 Feb 1900",
    b"30 Feb 70 24:60:60",
    b"1:2:3x 4th Mayflower 069AD",
    b"10:11:120 13 14 jul 15",
    b"99 99 99 99:99:99 dec",
    b"\xd9\xa6 Nov \xef\xbc\x91\xef\xbc\x99\xef\xbc\x99\xef\xbc\x94 08:49:37",
    b"6 \xef\xbc\xae\xef\xbc\xaf\xef\xbc\xb6 1994 08:49:37",
    b"6\xff Nov\x80 94\xfe 8:49:37\x7f",
    b"",
)
