"""Decode the escape sequences of HL7 v2 values."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hl7.util import unescape as decode_sequence

HEX = "[0-9A-Fa-f]{2}"
MARKUP = {"H": "", "N": ""}
"""Highlighting starts and ends; it has no meaning in a value."""


@cache
def escape_sequence(escape: str) -> re.Pattern[str]:
    """Return the pattern of the escape sequences in HL7 v2.5.1, section 2.7, that stand for text.

    A single escape character, or an unknown sequence, is not one of them: it is kept as it is, while the
    library would drop the text after it."""
    hexadecimal = rf"X(?:{HEX})+(?:{re.escape(escape) * 2}X(?:{HEX})+)*"
    sequences = rf"[HNFRSTE]|{hexadecimal}|\.(?:br|sp|fi|nf|in|ti|sk|ce)(?:[+-]?\d{{1,2}})?"
    return re.compile(f"{re.escape(escape)}(?:{sequences}){re.escape(escape)}")


def switches_character_set(text: str, escape: str) -> bool:
    """Return whether a text changes its character set within a value: by `\\C..\\` or `\\M..\\` (HL7 v2.5.1,
    section 2.7.2), or by an escape sequence of ISO 2022 that its own character set does not have.
    """
    if "\x1b" in text:
        return True
    switch = rf"{re.escape(escape)}(?:C(?:{HEX}){{2}}|M(?:{HEX}){{2,3}}){re.escape(escape)}"
    return re.search(switch, escape_sequence(escape).sub("", text)) is not None


def unescape(container: Any, text: str) -> str:
    """Return the text with its escape sequences decoded by the hl7 library.

    Args:
        container: a part of the parsed message, which has its separators and escape character.
        text: the text as it is in the message.
    """
    escape = container.esc

    def decode(match: re.Match[str]) -> str:
        if match[0][1] == "X":
            return decode_hexadecimal(match[0], escape, "utf-8")
        return str(decode_sequence(container, match[0], MARKUP))

    return escape_sequence(escape).sub(decode, text)


def decode_hexadecimal(sequences: str, escape: str, character_set: str) -> str:
    """Return the text of one or several adjoining sequences of hexadecimal bytes, such as `\\XC3A9\\`.

    Bytes that the character set does not have are read as Latin-1. A NUL, which is not text, becomes a space.
    """
    data = bytes.fromhex(sequences.replace(escape, "").replace("X", ""))
    try:
        text = data.decode(character_set)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\0", " ")
