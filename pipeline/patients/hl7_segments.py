"""The parts of an HL7 v2 segment, by their numbers in the standard, as the hl7 library has parsed them."""

from __future__ import annotations

from typing import Any

ESCAPES = (("|", "\\F\\"), ("^", "\\S\\"), ("&", "\\T\\"), ("~", "\\R\\"))
"""HL7's separators in a text, but for its own sign."""
SIGN, ESCAPED_SIGN = "\\", "\\E\\"


def segment_of(message: Any, name: str) -> Any | None:
    """The message's first segment of that name; None where it has none."""
    try:
        return message.segment(name)
    except KeyError:
        return None


def part(segment: Any, field: int, number: int = 1) -> str:
    """A component of a field's first repetition, "" where it is missing or said to be deleted."""
    return component(first(segment, field), number)


def first(segment: Any, field: int) -> Any:
    """A field's first repetition that is not empty, else ""."""
    return next(iter(repetitions(segment, field)), "")


def repetitions(segment: Any, field: int) -> list[Any]:
    """The repetitions of a field that are not empty."""
    try:
        return [repetition for repetition in segment[field] if str(repetition)]
    except IndexError:
        return []


def component(repetition: Any, number: int) -> str:
    """A component's first subcomponent."""
    if isinstance(repetition, str):
        text = repetition if number == 1 else ""
    else:
        if len(repetition) < number:
            return ""
        inner = repetition[number - 1]
        text = inner if isinstance(inner, str) else str(inner[0])
    return "" if text == '""' else unescaped(text.strip())


def unescaped(text: str) -> str:
    """The text with HL7's usual escapes undone."""
    for plain, code in (*ESCAPES, (SIGN, ESCAPED_SIGN)):
        text = text.replace(code, plain)
    return text


def escaped(text: str) -> str:
    """The text on one line, with HL7's separators escaped."""
    for plain, code in ((SIGN, ESCAPED_SIGN), *ESCAPES, ("\r", " "), ("\n", " ")):
        text = text.replace(plain, code)
    return text
