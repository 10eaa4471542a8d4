"""HL7 v2 escape sequences are decoded once, and encoded so that they are decoded to the same text."""

from __future__ import annotations

import hl7
import pytest

from pipeline.delivery.formats.hl7_values import escape
from pipeline.patients.hl7_segments import field_value, find_segment


def pid5(text: str, separators: str = "^~\\&") -> str:
    """Return the first component of PID-5, as the index reads it from a message."""
    message = hl7.parse(f"MSH|{separators}|EHR|HOSPITAL|||20240101||ADT^A08|1|P|2.5\rPID|1||7||{text}")
    return field_value(find_segment(message, "PID"), 5)


@pytest.mark.parametrize(
    ("encoded", "decoded"),
    [
        (r"A\F\B", "A|B"),
        (r"A\S\B\T\C\R\D", "A^B&C~D"),
        (r"A\E\B", r"A\B"),
        (r"A\E\F\E\B", r"A\F\B"),  # an escaped escape sequence is text
        (r"A\X0D\B", "A B"),  # values are one line
        (r"A\X41\B", "AAB"),
        (r"A\.br\B", "A B"),
        (r"\H\A\N\ B", "A B"),  # highlighting
        ("A\\B", "A\\B"),  # a single escape character
        (r"A\Zxx\B", r"A\Zxx\B"),  # an unknown sequence
        ("Łódź", "Łódź"),
    ],
)
def test_escape_sequences_are_decoded(encoded: str, decoded: str) -> None:
    assert pid5(encoded) == decoded


def test_the_escape_character_of_the_message_is_used() -> None:
    assert pid5("A!F!B", "^~!&") == "A|B"


@pytest.mark.parametrize(
    "text", [r"A\F\B", "A|B^C~D&E", "back\\slash", "Łódź", r"\E\F\E\ "[:-1], r"\.br\ "[:-1]]
)
def test_an_encoded_text_is_decoded_to_the_same_text(text: str) -> None:
    assert pid5(escape(text)) == text


def test_an_encoded_text_is_one_line() -> None:
    assert escape("one\r\ntwo\x0b") == "one  two "
