"""Find every value that a page offers for an index field, with the evidence for it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from pipeline.classify.fields import page_zones
from pipeline.classify.fields.candidate_evidence import FieldCandidate, make_candidate, measure_evidence
from pipeline.classify.fields.codes import find_codes
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.label_values import LabelValue, find_label_values
from pipeline.classify.fields.labels import NAME_PARTS, Label, find_labels
from pipeline.classify.fields.other_people import INSURED, belongs_to_other_person
from pipeline.classify.fields.unlabeled_values import (
    DATE_ORDER,
    find_card_candidates,
    find_date_orders,
    find_letterhead_and_signers,
    find_unlabeled_dates,
    find_unlabeled_names,
)
from pipeline.classify.fields.value_parsers import parse_value
from pipeline.classify.page_layout import Layout
from pipeline.records import Word

__all__ = ["DATE_ORDER", "FieldCandidate", "find_candidates"]

INSURER_LABELS = frozenset(
    ("insurance", "payer", "payor", "plan", "planname", "insuranceplanname", "payername")
)
"""Labels of an insurer; a number next to one is the insured person's number there."""

INSURANCE_CARD_LABELS = frozenset(("rxbin", "rxpcn", "rxgrp", "rxgroup", "copay", "copays"))
"""Labels that only an insurance card has."""

MEMBER_HEADING = re.compile(
    r"\b(?:member|subscriber|insured|insurance|coverage|health plan|prior authorization)\b", re.IGNORECASE
)
MAX_HEADING_WORDS = 5

MAX_WEAK_LABEL_STRENGTH = 0.5
"""Labels up to this strength are also used for other things."""

MIN_UNAMBIGUOUS_LABEL_STRENGTH = 0.75
"""From this strength on, a label alone determines what its value is; a weak label counts 0.5."""

MAX_NAME_PART_ROWS = 2
"""Rows between the labels of family and given name."""

DATE_FIELDS = ("date_of_service", "discharge_date", "admission_date", "dob")


def find_candidates(layout: Layout) -> tuple[FieldCandidate, ...]:
    """Return all candidates of a page, for every field."""
    labels = find_labels(layout)
    candidates = list(_labeled_values(layout, labels))
    candidates += list(_names_in_parts(candidates))
    candidates = [c for c in candidates if c.field not in NAME_PARTS]
    candidates = [c for c in candidates if not _is_letterhead_phone(c, layout, candidates)]
    candidates += find_card_candidates(layout, labels, candidates)
    candidates += find_unlabeled_names(layout, labels, candidates)
    candidates += find_unlabeled_dates(layout, labels)
    candidates += find_date_orders(layout)
    candidates += find_letterhead_and_signers(layout)
    candidates += [
        make_candidate(layout, field, code, (word,), row, measure_evidence(layout, (word,), 1.0))
        for field, code, word, row in find_codes(layout)
    ]
    return tuple(candidates)


def _labeled_values(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[FieldCandidate]:
    """Yield the values of labels. A value below or above its label counts only if there is no usable value
    to the right; whether values are below or above their labels is the same for all labels of a page.
    """
    values = [
        (field, label_value, parsed)
        for label_value in find_label_values(layout, labels)
        if not _begins_sentence(label_value)
        and (field := _asked_field(label_value.label, layout, labels))
        and (parsed := parse_value(field, label_value.words))
    ]
    beside = {_place(value.label) for _, value, _ in values if value.position in ("right", "wrapped")}
    positions = Counter(value.position for _, value, _ in values if _place(value.label) not in beside)
    unlikely = "below" if positions["above"] > positions["below"] else "above"
    labels_with_value: set[tuple[int, int]] = set()
    for field, value, (text, words) in values:
        place = _place(value.label)
        if place in labels_with_value or value.position == unlikely:
            continue
        labels_with_value.add(place)
        evidence = measure_evidence(layout, words, value.label.strength, value)
        evidence |= _date_evidence(field, words)
        if field == "patient_name" and _is_cut(value.words, words):
            evidence["wide_gap"] = 1.0
        yield make_candidate(layout, field, text, words, value.label.row, evidence, value.label.key)


def _asks_for_insured(label: Label, labels: Mapping[int, tuple[Label, ...]]) -> bool:
    """Return whether a label asks for the insured person's name, who is the patient only on an insurance
    card.
    """
    if label.field != "patient_name" or INSURED.match(label.key) is None:
        return False
    others = [other for row in labels.values() for other in row]
    is_card = any(
        other.field in ("member_id", "group") or other.key in INSURANCE_CARD_LABELS for other in others
    )
    names_patient = any(
        other.field in ("patient_name", "mrn") and other.strength > MAX_WEAK_LABEL_STRENGTH
        for other in others
    )
    return names_patient or not is_card


def _begins_sentence(value: LabelValue) -> bool:
    """Return whether the label is probably the start of a sentence or a street: "Hospital course was
    uneventful".
    """
    return value.label.field == "facility" and not value.label.colon and value.position != "below"


def _is_cut(words: Sequence[Word], name: Sequence[Word]) -> bool:
    """Return whether a mark that may be a misread initial follows the name: "SOLIS, EILEEN £"."""
    following = words[words.index(name[-1]) + 1 :][:1] if name[-1] in words else ()
    return bool(following) and not any(c.isalnum() or c in "|_:-/\\(" for c in following[0].text)


def _place(label: Label) -> tuple[int, int]:
    return label.row, label.first


def _asked_field(label: Label, layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> str:
    """Return the field whose value a label asks for; empty if it is not the patient's."""
    if label.field == "date_of_service" and _is_signature_date(label, layout):
        return ""
    if belongs_to_other_person(label, layout, labels) or _asks_for_insured(label, labels):
        return ""
    return _field_of_label(label, layout, labels)


def _names_in_parts(candidates: Sequence[FieldCandidate]) -> Iterator[FieldCandidate]:
    """Yield names whose parts have labels of their own: "Last Name", "First Name", "MI"."""
    for family in (c for c in candidates if c.field == "family_name"):
        given = _nearest_part(family, candidates, "given_name")
        if given is None or family.value == given.value:
            continue
        middle = _nearest_part(family, candidates, "middle_name")
        parts = [part for part in (given, middle, family) if part is not None]
        if any(a.box == b.box for a, b in combinations(parts, 2)):
            continue
        weakest = min(parts, key=lambda part: part.evidence["label_strength"])
        boxes = [part.box for part in parts]
        box = (
            min(b[0] for b in boxes),
            min(b[1] for b in boxes),
            max(b[2] for b in boxes),
            max(b[3] for b in boxes),
        )
        value = " ".join(part.value for part in parts)
        evidence = {**weakest.evidence, "wide_gap": 0.0}
        yield replace(
            family, field="patient_name", value=value, box=box, label="nameparts", evidence=evidence
        )


def _nearest_part(
    family: FieldCandidate, candidates: Sequence[FieldCandidate], field: str
) -> FieldCandidate | None:
    """Return the part of the name that is nearest to the family name; None if there is none near."""
    near = [c for c in candidates if c.field == field and abs(c.row - family.row) <= MAX_NAME_PART_ROWS]
    return min(near, key=lambda c: (abs(c.row - family.row), abs(c.box[0] - family.box[0])), default=None)


def _date_evidence(field: str, words: Sequence[Word]) -> dict[str, float]:
    """Return whether a date's order of day and month is ambiguous; nothing for other fields."""
    if field not in DATE_FIELDS:
        return {}
    parsed = next(find_dates(words, birth=field == "dob"), None)
    return {"ambiguous_order": float(parsed is not None and parsed.order == "ambiguous")}


def _is_signature_date(label: Label, layout: Layout) -> bool:
    """Return whether a label that is also used for other dates ("Date") asks when the page was signed."""
    if label.strength > MAX_WEAK_LABEL_STRENGTH:
        return False
    row_text = " ".join(cell.text for cell in layout.rows[label.row])
    return page_zones.SIGNATURE_DATE_ROW.search(row_text) is not None


def _is_in_member_section(label: Label, layout: Layout) -> bool:
    """Return whether a heading above the label is about a member or the insurance."""
    headings = (
        cell.text
        for row in layout.rows[: label.row]
        for cell in row
        if len(row) == 1 and len(cell.words) <= MAX_HEADING_WORDS
    )
    return any(MEMBER_HEADING.search(text) for text in headings)


def _field_of_label(label: Label, layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> str:
    """Return the field of a label. "ID #" next to "Insurance", on a page that names a group, or next to a
    record number is the member's ID and not a record number.
    """
    if label.field != "mrn" or label.strength > MAX_WEAK_LABEL_STRENGTH:
        return label.field
    after_insurer = any(
        other.key in INSURER_LABELS and other.first < label.first for other in labels[label.row]
    )
    has_own_number = label.key in ("id#", "idno") and any(
        other.field == "mrn" and other.strength > MAX_WEAK_LABEL_STRENGTH
        for row in labels.values()
        for other in row
    )
    if _is_in_member_section(label, layout):
        return "member_id"
    on_insurance_card = any(
        other.field in ("group", "member_id") or other.key in INSURANCE_CARD_LABELS | INSURER_LABELS
        for row in labels.values()
        for other in row
    )
    return "member_id" if after_insurer or on_insurance_card or has_own_number else label.field


def _is_letterhead_phone(
    candidate: FieldCandidate, layout: Layout, candidates: Sequence[FieldCandidate]
) -> bool:
    """Return whether a telephone number is the letterhead's and not the patient's. "Phone" alone means the
    patient's only below the patient's name.
    """
    if candidate.field != "phone" or candidate.evidence["label_strength"] >= MIN_UNAMBIGUOUS_LABEL_STRENGTH:
        return False
    text = layout.texts()[candidate.row].lower()
    first_patient_row = min(
        (c.row for c in candidates if c.field in ("patient_name", "mrn", "dob", "address")),
        default=len(layout.rows),
    )
    return candidate.row < first_patient_row or "fax" in text
