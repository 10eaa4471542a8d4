"""Read values of an HL7 v2 segment, parsed by the hl7 library, by their numbers in the standard."""

from __future__ import annotations

import re
from typing import Any

from pipeline.patients.hl7_escapes import unescape

LINE_BREAKS = re.compile(r"[\r\n]+")


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
