"""Read values of an HL7 v2 segment, parsed by the hl7 library, by their numbers in the standard."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from hl7.util import unescape as decode_sequence

MARKUP = {"H": "", "N": ""}
"""Highlighting starts and ends; it has no meaning in a value."""

LINE_BREAKS = re.compile(r"[\r\n]+")


@cache
def escape_sequence(escape: str) -> re.Pattern[str]:
    """Return the pattern of the escape sequences in HL7 v2.5.1, section 2.7, that stand for text.

    A single escape character, or an unknown sequence, is not one of them: it is kept as it is, while the
    library would drop the text after it."""
    hexadecimal = rf"X(?:[0-9A-Fa-f]{{2}})+(?:{re.escape(escape) * 2}X(?:[0-9A-Fa-f]{{2}})+)*"
    sequences = rf"[HNFRSTE]|{hexadecimal}|\.(?:br|sp|fi|nf|in|ti|sk|ce)(?:[+-]?\d{{1,2}})?"
    return re.compile(f"{re.escape(escape)}(?:{sequences}){re.escape(escape)}")


def find_segment(message: Any, name: str) -> Any | None:
    """Return the message's first segment of that name, None if there is none."""
    try:
        return message.segment(name)
    except KeyError:
        return None


def field_value(segment: Any, field: int, component: int = 1) -> str:
    """Return a component of a field's first repetition, "" if it is missing or marked as deleted."""
    return component_value(first_repetition(segment, field), component)


def first_repetition(segment: Any, field: int) -> Any:
    """Return a field's first repetition that is not empty; an empty repetition if there is none."""
    return next(iter(repetitions(segment, field)), segment.create_repetition([]))


def repetitions(segment: Any, field: int) -> list[Any]:
    """Return the repetitions of a field that are not empty."""
    try:
        values = [value for value in segment[field] if str(value)]
    except IndexError:
        return []
    # The library leaves a repetition of one plain value as a string.
    return [segment.create_repetition([value]) if isinstance(value, str) else value for value in values]


def component_value(repetition: Any, number: int) -> str:
    """Return a component's first subcomponent on one line, "" if it is missing or marked as deleted."""
    if len(repetition) < number:
        return ""
    component = repetition[number - 1]
    text = component if isinstance(component, str) else str(component[0])
    return "" if text.strip() == '""' else LINE_BREAKS.sub(" ", unescape(repetition, text)).strip()


def is_deleted(segment: Any, field: int, component: int = 1) -> bool:
    """Return whether a message deletes a value: two double quotes (HL7 v2.5.1, section 2.5.3)."""
    repetition = first_repetition(segment, field)
    return len(repetition) >= component and str(repetition[component - 1]).strip() == '""'


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

    Bytes that the character set does not have are read as Latin-1. A NUL, which is no text, becomes a space.
    """
    data = bytes.fromhex(sequences.replace(escape, "").replace("X", ""))
    try:
        text = data.decode(character_set)
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\0", " ")
