"""Split files, frames and batches into HL7 v2 messages, and decode the text of a message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.patients.hl7_escapes import decode_hexadecimal

CHARACTER_SETS = {
    "": "", "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "UTF-8": "utf-8",
    "8859/1": "latin-1", **{f"8859/{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR6": "ascii", "ISO IR14": "shift_jis", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_2",
    "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr", "BIG-5": "big5",
}  # fmt: skip
"""MSH-18 (HL7 table 0211) and the codec of each character set."""
MESSAGE_START = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?=(?:\xef\xbb\xbf)?MSH[^\r\n\w])")
BATCH_SEGMENT = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?:\xef\xbb\xbf)?(?:FHS|BHS|BTS|FTS)\b[^\r\n]*[\r\n]*")
WIDE_MESSAGE = re.compile(rb"\A[\xff\xfe\x0b\s\0]*(?:M\0+S\0+H|[FB]\0+H\0+S)\0")
"""The beginning of a message in UTF-16 or UTF-32, which has NULs between the letters."""
FRAMING_BYTES = b"\xef\xbb\xbf\x0b\x1c\r\n\t "


def split_messages(file: Path) -> Iterator[bytes]:
    """Yield the messages of a file, each beginning at its MSH segment, with or without MLLP frames."""
    yield from split_batch(file.read_bytes())


def split_batch(data: bytes) -> list[bytes]:
    """Return the messages in a file or frame, without the segments of batches (FHS, BHS, BTS, FTS)."""
    data = BATCH_SEGMENT.sub(b"", data)
    return [body for part in MESSAGE_START.split(data) if (body := part.strip(FRAMING_BYTES))]


def header_fields(body: bytes) -> list[str]:
    """Return the fields of the MSH segment, with MSH-3 at index 2; missing ones are empty. The letters of a
    message in UTF-16 or UTF-32 are read as ASCII.
    """
    if WIDE_MESSAGE.match(body):
        body = body.lstrip(b"\xff\xfe").replace(b"\0", b"")
    line = re.split(r"[\r\n]", body.lstrip(FRAMING_BYTES).decode("latin-1").replace("\0", " "), maxsplit=1)[0]
    is_header = line.startswith("MSH") and len(line) > 3
    return (line.split(line[3]) if is_header else []) + [""] * 19


def decode_message(body: bytes) -> str:
    """Return a message's text in the character set of MSH-18, with hexadecimal sequences in UTF-8.

    A message that names no character set, or one that its bytes do not fit, is read as UTF-8 or else Latin-1.

    Raises:
        InvalidInput: if the character set is unknown, or the message is in UTF-16 or UTF-32.
    """
    if WIDE_MESSAGE.match(body):
        raise InvalidInput(
            "Messages in UTF-16 or UTF-32 are not supported.", "Send UNICODE UTF-8.", "character_set"
        )
    head = header_fields(body)
    name = head[17].partition(head[1][1:2] or "~")[0].strip().upper()
    if name not in CHARACTER_SETS:
        raise InvalidInput(
            f"The character set {name[:40]} (MSH-18) is not supported.",
            "Send UNICODE UTF-8.",
            "character_set",
        )
    data = body.strip(FRAMING_BYTES)
    for codec in filter(None, (CHARACTER_SETS[name], "utf-8", "latin-1")):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        break
    escape = head[1][2:3] or "\\"
    hexadecimal = re.compile(rf"(?:{re.escape(escape)}X(?:[0-9A-Fa-f]{{2}})+{re.escape(escape)})+")
    text = hexadecimal.sub(
        lambda match: (
            f"{escape}X{decode_hexadecimal(match[0], escape, codec).encode().hex().upper()}{escape}"
        ),
        text,
    )
    return text.replace("\r\n", "\r").replace("\n", "\r")
