"""Find every value that a page offers for an index field, with the evidence for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TypeAlias

from pipeline.classify.fields import identifiers, name_parsing, page_zones
from pipeline.classify.fields.addressograph import find_card_values
from pipeline.classify.fields.codes import find_codes
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.label_values import LabelValue, find_label_values
from pipeline.classify.fields.labels import Label, find_labels
from pipeline.classify.fields.other_people import belongs_to_other_person
from pipeline.classify.page_layout import Cell, Layout, bounding_box
from pipeline.records import Box, Word

SEX_VALUES = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "fem": "female",
    "man": "male",
    "woman": "female",
}

INSURER_LABELS = frozenset(("insurance", "payer", "payor", "plan", "planname"))
"""Labels of an insurer; a number next to one is the insured person's number there."""

INSURANCE_CARD_LABELS = frozenset(("rxbin", "rxpcn", "rxgrp", "rxgroup", "copay", "copays"))
"""Labels that only an insurance card has."""

CARD_STRENGTH = 0.7
"""Label strength of the values of an addressograph card; a strong label has 1."""

LETTERHEAD_STRENGTH = 0.6
"""Label strength of the facility in a letterhead."""

SIGNER_STRENGTH = 0.7
"""Label strength of the author in a signature line."""

MAX_WEAK_LABEL_STRENGTH = 0.5
"""Labels up to this strength are also used for other things."""

MIN_UNAMBIGUOUS_LABEL_STRENGTH = 0.75
"""From this strength on, a label alone determines what its value is; a weak label counts 0.5."""

MIN_NAME_LABEL_STRENGTH = 0.8
"""From this label strength on, a labeled patient name makes a search for unlabeled names unnecessary."""

MIN_MRN_DIGITS = 4
"""Digits of the shortest record number: "(555)" is the start of a telephone number."""

MAX_AGE_YEARS = 119
DATE_WORDS = 6
"""Words after a label within which its date may be."""

SEX_WORDS = 3
"""Words after a label within which the sex may be."""

HEADER_HEIGHT_SHARE = 0.4
"""The part of a page, from the top, in which a form names its patient and visit."""

FAR_LINES = 10
"""Distance from the label, in line heights, that counts fully as evidence against a value."""

WIDE_GAP_SPACES = 1.8
"""A gap wider than this many of the page's usual spaces may have lost a word of the value, mostly a middle
initial. Of 435 names read correctly 9 have such a gap; of names that lack an initial all have one (3.3 spaces
and more).
"""

DATE_ORDER = "date_order"
"""The field of candidates that only prove the order of day and month in the document's dates."""

DATE_FIELDS = ("date_of_service", "discharge_date", "admission_date", "dob")

MIN_ORDER_CONFIDENCE = 0.8
"""OCR confidence from which a date's words prove the order of day and month."""

MAX_ANCHOR_ROW_DISTANCE = 3
"""Rows between an unlabeled name and the nearest birth date or record number (addressograph, header box)."""

ParsedValue: TypeAlias = tuple[str, tuple[Word, ...]]
"""A normalized value and its words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldCandidate:
    """A value that a page offers for a field.

    `label`: the key of its label, or how the value was found without one (card, alone, signed, signer,
    letterhead). `evidence`: the numbers that the scorer weighs, see confidence.py.
    """

    field: str
    value: str
    page: int
    box: Box
    row: int
    label: str = ""
    evidence: Mapping[str, float] = dataclasses.field(default_factory=dict)


def find_candidates(layout: Layout) -> tuple[FieldCandidate, ...]:
    """Return all candidates of a page, for every field."""
    labels = find_labels(layout)
    candidates = list(_labeled_values(layout, labels))
    candidates = [c for c in candidates if not _is_letterhead_phone(c, layout, candidates)]
    candidates += _card_values(layout, labels, candidates)
    candidates += _unlabeled_names(layout, labels, candidates)
    candidates += _unlabeled_dates(layout, labels)
    candidates += _date_orders(layout)
    candidates += _letterhead_and_signers(layout)
    candidates += [
        _candidate(layout, field, code, (word,), row, _evidence(layout, (word,), 1.0))
        for field, code, word, row in find_codes(layout)
    ]
    return tuple(candidates)


def _candidate(
    layout: Layout,
    field: str,
    value: str,
    words: Sequence[Word],
    row: int,
    evidence: Mapping[str, float],
    label: str = "",
) -> FieldCandidate:
    return FieldCandidate(
        field=field,
        value=value,
        page=layout.number,
        box=bounding_box(words),
        row=row,
        label=label,
        evidence=evidence,
    )


def _evidence(
    layout: Layout, words: Sequence[Word], label_strength: float, label_value: LabelValue | None = None
) -> dict[str, float]:
    """Return what the scorer weighs, each number from 0 to about 1."""
    top = min(word.box[1] for word in words) / layout.height
    max_gap = WIDE_GAP_SPACES * layout.word_gap
    return {
        "label_strength": label_strength,
        "colon": float(label_value.label.colon) if label_value else 0.0,
        "below": float(label_value.position == "below") if label_value else 0.0,
        "distance": min(label_value.gap / FAR_LINES, 1.0) if label_value else 0.0,
        "in_header": float(top < HEADER_HEIGHT_SHARE),
        "mean_confidence": fmean(word.confidence for word in words),
        "min_confidence": min(word.confidence for word in words),
        "wide_gap": float(any(b.box[0] - a.box[2] > max_gap for a, b in pairwise(words))),
    }


def _labeled_values(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[FieldCandidate]:
    """Yield the values of labels. A value below its label counts only if there is no usable value to the
    right.
    """
    labels_with_value: set[tuple[int, int]] = set()
    for label_value in find_label_values(layout, labels):
        label = label_value.label
        place = (label.row, label.first)
        if place in labels_with_value:
            continue
        if label.field == "facility" and not (label.colon or label_value.position == "below"):
            continue  # "Hospital course was uneventful": the word begins a sentence or a street
        if label.field == "date_of_service" and _is_signature_date(label, layout):
            continue
        if belongs_to_other_person(label, layout, labels):
            continue
        field = _field_of_label(label, labels)
        parsed = _parse_value(field, label_value.words)
        if parsed:
            value, words = parsed
            labels_with_value.add(place)
            evidence = _evidence(layout, words, label.strength, label_value) | _date_evidence(field, words)
            yield _candidate(layout, field, value, words, label.row, evidence, label.key)


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


def _field_of_label(label: Label, labels: Mapping[int, tuple[Label, ...]]) -> str:
    """Return the field of a label. "ID #" next to "Insurance", or on a page that names a group, is the
    member's ID and not a record number.
    """
    if label.field != "mrn" or label.strength > MAX_WEAK_LABEL_STRENGTH:
        return label.field
    after_insurer = any(
        other.key in INSURER_LABELS and other.first < label.first for other in labels[label.row]
    )
    on_insurance_card = any(
        other.field in ("group", "member_id") or other.key in INSURANCE_CARD_LABELS
        for row in labels.values()
        for other in row
    )
    return "member_id" if after_insurer or on_insurance_card else label.field


def _parse_value(field: str, words: Sequence[Word]) -> ParsedValue | None:
    """Return the value of a field that the words after its label hold, and its words; None if they hold
    none.
    """
    parse = PARSERS.get(field)
    return parse(words) if parse else None


def _parse_patient_name(words: Sequence[Word]) -> ParsedValue | None:
    name = name_parsing.name_words(words)
    if not name or not name_parsing.is_name(name) or name_parsing.credential_follows(words, name):
        return None
    return name_parsing.natural_name_order(name), name


def _parse_author(words: Sequence[Word]) -> ParsedValue | None:
    name = name_parsing.name_words(name_parsing.skip_clinician_prefix(words))
    next_words = words[words.index(name[-1]) + 1 :][:1] if name and name[-1] in words else ()
    if next_words and page_zones.FACILITY_WORD.search(next_words[0].text):
        return None  # "Signed: Mercy Ridge Hospital"
    name = tuple(word for word in name if not name_parsing.is_credential(word.text))
    return (name_parsing.natural_name_order(name), name) if len(name) >= 2 else None


def _parse_birth_date(words: Sequence[Word]) -> ParsedValue | None:
    return _parse_date(words, birth=True)


def _parse_date(words: Sequence[Word], *, birth: bool = False) -> ParsedValue | None:
    parsed = next(find_dates(words[:DATE_WORDS], birth=birth), None)
    return (parsed.value.isoformat(), parsed.words) if parsed else None


def _parse_mrn(words: Sequence[Word]) -> ParsedValue | None:
    identifier = identifiers.find_identifier(words)
    if identifier and sum(c.isdigit() for c in identifier[0]) >= MIN_MRN_DIGITS:
        return identifier
    return None


def _parse_sex(words: Sequence[Word]) -> ParsedValue | None:
    for word in words[:SEX_WORDS]:
        sex = SEX_VALUES.get(word.text.strip(".,;:|/()[]").lower())
        if sex:
            return sex, (word,)
    return None


def _parse_age(words: Sequence[Word]) -> ParsedValue | None:
    digits = "".join(c for c in words[0].text if c.isdigit())
    return (digits, (words[0],)) if digits and int(digits) <= MAX_AGE_YEARS else None


def _parse_address(words: Sequence[Word]) -> ParsedValue | None:
    text = page_zones.normalized_text(words)
    return (text, tuple(words)) if page_zones.is_address(text) else None


def _parse_facility(words: Sequence[Word]) -> ParsedValue | None:
    text = page_zones.normalized_text(words)
    return (text, tuple(words)) if page_zones.is_facility(text) else None


PARSERS: Mapping[str, Callable[[Sequence[Word]], ParsedValue | None]] = {
    "patient_name": _parse_patient_name,
    "author": _parse_author,
    "dob": _parse_birth_date,
    "mrn": _parse_mrn,
    "sex": _parse_sex,
    "age": _parse_age,
    "phone": identifiers.find_phone,
    "address": _parse_address,
    "facility": _parse_facility,
    **dict.fromkeys(("date_of_service", "discharge_date", "admission_date"), _parse_date),
    **dict.fromkeys(("account", "accession", "member_id", "group", "ssn"), identifiers.find_identifier),
}
"""Field -> how its value is read from the words after its label."""


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


def _card_values(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], candidates: Sequence[FieldCandidate]
) -> Iterator[FieldCandidate]:
    """Yield the values of a card without labels, for fields that have no labeled value."""
    labeled_fields = {candidate.field for candidate in candidates}
    for card in find_card_values(layout, labels):
        if card.field not in labeled_fields:
            evidence = _evidence(layout, card.words, CARD_STRENGTH)
            yield _candidate(layout, card.field, card.value, card.words, card.row, evidence, "card")


def _unlabeled_names(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], candidates: Sequence[FieldCandidate]
) -> Iterator[FieldCandidate]:
    """Yield names in cells of their own near a birth date or record number, as on an addressograph or in a
    header box.
    """
    has_labeled_name = any(
        c.field == "patient_name" and c.evidence["label_strength"] >= MIN_NAME_LABEL_STRENGTH
        for c in candidates
    )
    anchor_rows = {
        c.row
        for c in candidates
        if c.field in ("dob", "mrn", "age", "sex", "account") and c.evidence["in_header"]
    }
    if has_labeled_name or not anchor_rows:
        return
    for index, row in enumerate(layout.rows):
        if min(abs(index - anchor) for anchor in anchor_rows) > MAX_ANCHOR_ROW_DISTANCE:
            continue
        label_words = {i for label in labels.get(index, ()) for i in range(label.first, label.end)}
        first = 0
        for cell in row:
            name = () if first in label_words else _name_in_cell(cell)
            first += len(cell.words)
            if name:
                evidence = _evidence(layout, name, 0.0) | {"comma": float("," in cell.text)}
                value = name_parsing.natural_name_order(name)
                yield _candidate(layout, "patient_name", value, name, index, evidence)


def _name_in_cell(cell: Cell) -> tuple[Word, ...]:
    """Return the words of a patient's name at the start of a cell without a label; empty if there is none."""
    name = name_parsing.name_words(cell.words)
    rest = cell.words[len(name) :]
    if not name_parsing.is_name(name) or name_parsing.credential_follows(cell.words, name):
        return ()
    if name[-1].text.endswith(":"):
        return ()  # a heading, such as "Interval Events:"
    if rest and not _may_follow_name(rest[0]):
        return ()
    if any(word.text.strip(",.") in name_parsing.STATES for word in (name[0], name[-1])):
        return ()  # "Oak Brook, IL" of an address
    return name


def _may_follow_name(word: Word) -> bool:
    """Return whether the word may follow an unlabeled name: a number, a label or a bar, not a word of a
    sentence.
    """
    return (
        any(c.isdigit() for c in word.text)
        or word.text.endswith(":")
        or not any(c.isalpha() for c in word.text)
    )


def _unlabeled_dates(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[FieldCandidate]:
    """Yield dates that are alone in their cell, as in a letter. Dates of signing and dictation, and dates
    after a label of another kind, are not among them.
    """
    texts = layout.texts()
    for index, row in enumerate(layout.rows):
        near = " ".join(texts[max(index - 1, 0) : index + 2])
        if page_zones.is_fax_line(texts[index]) or index in labels:
            continue
        if page_zones.SIGNING.search(texts[index]) or page_zones.SIGNATURE_DATE_ROW.search(near):
            continue
        for cell in row:
            if any(word.text.endswith(":") for word in cell.words):
                continue
            dates = list(find_dates(cell.words))
            if len(dates) != 1:
                continue  # "10/10/2024 10/19/2024" is a period
            for parsed in dates:
                if len(parsed.words) >= len(cell.words) - 1:
                    evidence = _evidence(layout, parsed.words, 0.0)
                    evidence["ambiguous_order"] = float(parsed.order == "ambiguous")
                    value = parsed.value.isoformat()
                    yield _candidate(layout, "date_of_service", value, parsed.words, index, evidence, "alone")


def _date_orders(layout: Layout) -> Iterator[FieldCandidate]:
    """Yield the order of day and month that each date of the page proves, as values of "date_order"."""
    for index, row in enumerate(layout.rows):
        for cell in row:
            for parsed in find_dates(cell.words):
                if (
                    parsed.order in ("day_first", "month_first")
                    and not parsed.corrected
                    and min(word.confidence for word in parsed.words) >= MIN_ORDER_CONFIDENCE
                ):
                    evidence = _evidence(layout, parsed.words, 0.0)
                    yield _candidate(layout, DATE_ORDER, parsed.order, parsed.words, index, evidence)


def _letterhead_and_signers(layout: Layout) -> Iterator[FieldCandidate]:
    """Yield the facility in the letterhead and the authors in signature lines."""
    head = page_zones.find_letterhead(layout)
    if head:
        evidence = _evidence(layout, head.words, LETTERHEAD_STRENGTH)
        text = page_zones.normalized_text(head.words)
        yield _candidate(layout, "facility", text, head.words, head.row, evidence, "letterhead")
    for words, row in page_zones.find_signers(layout):
        evidence = _evidence(layout, words, SIGNER_STRENGTH)
        author = name_parsing.natural_name_order(words)
        yield _candidate(layout, "author", author, words, row, evidence, "signer")
