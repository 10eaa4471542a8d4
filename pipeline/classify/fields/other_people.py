"""Recognize labels whose value belongs to another person or organization than the patient: an emergency
contact, a guarantor, an insured parent, a prescriber, a laboratory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.classify.fields.labels import Label
from pipeline.classify.fields.page_zones import is_facility
from pipeline.classify.page_layout import Cell, Layout

RELATIVE = re.compile(
    r"\b(?:emergency contact|next of kin|guarantor|guarantee|responsible part(?:y|ies)|insured|subscriber"
    r"|policy ?holder|card ?holder|mother|father|spouse|husband|wife|parent|guardian"
    r"|caregiver|contact|relative|attorney|witness|donor)(?:['’]?s['’]?)?(?!\w)",
    re.IGNORECASE,
)
"""People about whom a form asks in addition to the patient."""

ORGANIZATION = re.compile(
    r"\b(?:prescriber|prescribing|provider|physician|doctor|practitioner|pharmac(?:y|ist)|laborator(?:y|ies)"
    r"|lab|facility|hospital|clinic|office|practice|employer|school|insurance|insurer|payer|payor|plan"
    r"|carrier|company|billing|remit|referr(?:ing|al|ed)|supplier|vendor|claims?)(?:['’]?s['’]?)?(?!\w)",
    re.IGNORECASE,
)
"""Clinicians and organizations, whose telephone and address a form contains as well."""

INSURED = re.compile(r"\b(?:insured|subscriber|policy ?holder|card ?holder)", re.IGNORECASE)
"""The person whom an insurance card is about: the patient, unless the page names a patient as well."""

PATIENT = re.compile(r"\b(?:patient|member|client|resident|beneficiary|enrollee|student)\b", re.IGNORECASE)
"""People about whom a form as a whole is: a heading with one of these ends another person's section."""

SECTION_HEADING = re.compile(r"\b(?:information|details|section|demographics|data)\b", re.IGNORECASE)
HEADING_FILLER = re.compile(
    r"\b(?:information|info|details|section|demographics|data|contacts?|name|required|optional|primary"
    r"|secondary|to|or|and|the|of)\b",
    re.IGNORECASE,
)
"""Words that a heading may have besides its person or organization."""

MAX_HEADING_WORDS = 5
"""Words in the longest heading of a section."""

MAX_SECTION_ROWS = 10
"""Rows below its heading to which a section extends at most."""

MAX_ROLE_WORDS = 3
"""Words directly before a label that may name the person ("Insured's Date of Birth")."""

MAX_ROWS_AFTER_PERSON = 2
"""Rows below a named person within which a telephone number or an address is that person's."""

COLUMN_SLACK_LINES = 2.0
"""Line heights by which a label may begin to the left of its section's heading."""

HOME_LABELS = ("home", "mobile", "cell", "residence")
"""Beginnings of the keys of labels that only people have."""

CONTACT_FIELDS = frozenset(("phone", "address"))
NAME_FIELDS = frozenset(("patient_name", "family_name", "given_name", "middle_name"))
PERSONAL_FIELDS = CONTACT_FIELDS | NAME_FIELDS | {"dob", "sex", "age", "ssn"}
MAX_AMBIGUOUS_LABEL_STRENGTH = 0.79
"""A name label up to this strength ("Name") may be another person's; "Patient Name" is never."""


def belongs_to_other_person(label: Label, layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> bool:
    """Return whether the label asks for a value of another person or an organization.

    Clinicians and organizations have telephone numbers, addresses and names; only relatives and other people
    have birth dates.
    """
    if label.field not in PERSONAL_FIELDS:
        return False
    if label.field == "patient_name" and label.strength > MAX_AMBIGUOUS_LABEL_STRENGTH:
        return False
    before = _words_before(label, layout)
    if before:
        return _names_other(before, label)
    if "patient" in label.key:
        return False
    role = _person_on_row(label, layout, labels)
    if role is None:
        role = _section(label, layout, labels)
    if role and INSURED.search(role) and not any(_names_patient(o) for row in labels.values() for o in row):
        return False
    return _names_other(role, label)


def _names_other(text: str | None, label: Label) -> bool:
    """Return whether the text names a person or organization whose value this label may ask for."""
    if not text or PATIENT.search(text):
        return False
    if RELATIVE.search(text):
        return True
    if not (ORGANIZATION.search(text) or is_facility(text)):
        return False
    if label.field in NAME_FIELDS:
        return SECTION_HEADING.search(text) is not None
    return label.field in CONTACT_FIELDS and not label.key.startswith(HOME_LABELS)


def _words_before(label: Label, layout: Layout) -> str:
    """Return the words directly before the label in its cell that are not the value of another label: the
    "Insured's" of "Insured's Date of Birth".
    """
    start = 0
    for cell in layout.rows[label.row]:
        end = start + len(cell.words)
        if start <= label.first < end:
            words = cell.words[: label.first - start][-MAX_ROLE_WORDS:]
            texts = [word.text for word in words]
            for index in range(len(texts) - 1, -1, -1):
                if texts[index].endswith((":", ";", ",", ".")) or any(c.isdigit() for c in texts[index]):
                    return " ".join(texts[index + 1 :])
            return " ".join(texts)
        start = end
    return ""


def _label_text(label: Label, layout: Layout) -> str:
    words = [word for cell in layout.rows[label.row] for word in cell.words]
    return " ".join(word.text for word in words[label.first : label.end])


def _person_on_row(label: Label, layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> str | None:
    """Return the label of the last person before this label on its row, if that person is named there, or,
    for a telephone number or an address, in the same column of the rows just above; None if there is none.
    """
    row_labels = labels[label.row]
    before = [other for other in row_labels if other.first < label.first]
    for other, following in reversed(list(zip(before, (*before[1:], label), strict=False))):
        if other.field == "mrn" or _names_patient(other):
            return None
        text = _label_text(other, layout)
        is_person = RELATIVE.search(text) or (ORGANIZATION.search(text) and label.field in CONTACT_FIELDS)
        if is_person and following.first > other.end:
            return text
    if label.field not in CONTACT_FIELDS:
        return None
    slack = COLUMN_SLACK_LINES * layout.line_height
    for row in range(label.row - 1, max(label.row - 1 - MAX_ROWS_AFTER_PERSON, -1), -1):
        column = [o for o in labels.get(row, ()) if o.box[0] <= label.box[0] + slack]
        for other in reversed(column):
            text = _label_text(other, layout)
            if other.field in ("mrn", "dob") or _names_patient(other):
                return None
            if RELATIVE.search(text) or ORGANIZATION.search(text):
                return text
    return None


def _names_patient(label: Label) -> bool:
    return label.field == "patient_name" and label.strength > MAX_AMBIGUOUS_LABEL_STRENGTH


def _section(label: Label, layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> str | None:
    """Return the heading of the section that the label is in; None if there is none near."""
    slack = COLUMN_SLACK_LINES * layout.line_height
    for row in range(label.row - 1, max(label.row - 1 - MAX_SECTION_ROWS, -1), -1):
        cells = layout.rows[row]
        above = [cell for cell in cells if cell.box[0] <= label.box[0] + slack]
        if above and all(_is_heading(cell, alone=len(cells) == 1, label=label) for cell in cells):
            return above[-1].text
        column = above[-1].box if above else cells[0].box
        if any(_names_patient(o) and column[0] <= o.box[0] < column[2] for o in labels.get(row, ())):
            return None
    return None


def _is_heading(cell: Cell, *, alone: bool, label: Label) -> bool:
    """Return whether the cell is the heading of a section, or, for a telephone number or an address, the
    name of an organization. `alone`: the row has no other cell.
    """
    text = cell.text.rstrip(" :.()0123456789")
    if len(cell.words) > MAX_HEADING_WORDS or ":" in text or (":" in cell.text and not alone):
        return False
    if label.field in CONTACT_FIELDS and is_facility(text):
        return True
    rest = text
    for people in (RELATIVE, ORGANIZATION, PATIENT):
        rest = people.sub("", rest)
    rest = HEADING_FILLER.sub("", rest)
    return rest != text and not any(c.isalnum() for c in rest)
