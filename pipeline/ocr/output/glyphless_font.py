"""A TrueType font with one blank glyph, half an em wide and one em high, for the invisible text over a scan.

PDF/A requires that every font is embedded and that its widths agree with the font dictionary. This font is
built here, under this project's license, in a few hundred bytes. Every code maps to the same glyph, so the
codes can be the text itself in UTF-16. Table layouts: https://learn.microsoft.com/typography/opentype/spec/.
"""

from __future__ import annotations

import struct
from functools import cache

UNITS_PER_EM = 1000
ADVANCE_WIDTH = 500
"""Width of every character in thousandths of the font size."""
ASCENT, DESCENT = 800, -200
FONT_NAME = "ChartloomBlank"


@cache
def font_program() -> bytes:
    """Return the font file."""
    head = struct.pack(
        ">IIIIHHQQhhhhHHhhh",
        0x10000,
        0x10000,
        0,
        0x5F0F3CF5,
        0,
        UNITS_PER_EM,
        0,
        0,
        0,
        DESCENT,
        ADVANCE_WIDTH,
        ASCENT,
        0,
        8,
        2,
        0,
        0,
    )
    hhea = struct.pack(">IhhhHhhhhhh8xhH", 0x10000, ASCENT, DESCENT, 0, ADVANCE_WIDTH, 0, 0, 0, 1, 0, 0, 0, 2)
    maxp = struct.pack(">IH13H", 0x10000, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)
    tables = {
        b"OS/2": _os2(),
        b"cmap": struct.pack(
            ">HHHHIHHHHHHHHHHHHH", 0, 1, 3, 1, 12, 4, 24, 0, 2, 2, 0, 0, 0xFFFF, 0, 0xFFFF, 1, 0, 0
        )[:36],
        b"glyf": b"\0\0\0\0",
        b"head": head,
        b"hhea": hhea,
        b"hmtx": struct.pack(">HhHh", ADVANCE_WIDTH, 0, ADVANCE_WIDTH, 0),
        b"loca": struct.pack(">HHH", 0, 0, 0),
        b"maxp": maxp,
        b"name": _names(),
        b"post": struct.pack(">IIhhIIIII", 0x30000, 0, -100, 50, 1, 0, 0, 0, 0),
    }
    return _assemble(tables)


def _os2() -> bytes:
    """Return the OS/2 table, version 3."""
    version, weight, width = 3, 400, 5
    numbers = (300, 600, 0, 80, 300, 600, 0, 350, 50, 300, 0)
    return (
        struct.pack(">HhHHH", version, ADVANCE_WIDTH, weight, width, 0)
        + struct.pack(">11h", *numbers)
        + bytes(10)
        + struct.pack(">IIII4s", 0, 0, 0, 0, b"NONE")
        + struct.pack(">HHH", 0x40, 0, 0xFFFF)
        + struct.pack(">hhhHH", ASCENT, DESCENT, 0, ASCENT, -DESCENT)
        + struct.pack(">IIhhHHH", 0, 0, 500, 700, 0, 32, 1)
    )


def _names() -> bytes:
    """Return the name table, with Windows Unicode strings in US English."""
    texts = {1: FONT_NAME, 2: "Regular", 3: FONT_NAME, 4: FONT_NAME, 5: "Version 1.0", 6: FONT_NAME}
    records, storage = b"", b""
    for number, text in texts.items():
        raw = text.encode("utf-16-be")
        records += struct.pack(">HHHHHH", 3, 1, 0x409, number, len(raw), len(storage))
        storage += raw
    return struct.pack(">HHH", 0, len(texts), 6 + len(records)) + records + storage


def _assemble(tables: dict[bytes, bytes]) -> bytes:
    """Return the tables after their directory, padded, with checksums."""
    count = len(tables)
    power = 1 << (count.bit_length() - 1)
    header = struct.pack(">IHHHH", 0x10000, count, power * 16, power.bit_length() - 1, (count - power) * 16)
    offset, directory, body = 12 + 16 * count, b"", b""
    places: dict[bytes, int] = {}
    for tag, data in sorted(tables.items()):
        places[tag] = offset + len(body)
        padded = data + bytes(-len(data) % 4)
        directory += struct.pack(">4sIII", tag, _checksum(padded), places[tag], len(data))
        body += padded
    whole = bytearray(header + directory + body)
    adjustment = (0xB1B0AFBA - _checksum(bytes(whole))) & 0xFFFFFFFF
    struct.pack_into(">I", whole, places[b"head"] + 8, adjustment)
    return bytes(whole)


def _checksum(data: bytes) -> int:
    """Return the sum of the data as big-endian 32-bit integers, modulo 2 ** 32."""
    return int(sum(struct.unpack(f">{len(data) // 4}I", data))) & 0xFFFFFFFF
