"""Select one value for each field of a document from all candidates of its pages, and report
disagreements.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.candidate_evidence import ScoredByField, ScoredCandidate
from pipeline.classify.fields.confidence import (
    MAX_UNCONFIRMED_CONFIDENCE,
    calibrated_confidence,
    raw_confidence,
)
from pipeline.classify.fields.date_selection import (
    MIN_REFERENCE_LABEL_STRENGTH,
    apply_age,
    date_order_limit,
    drop_unrelated_dates,
    infer_birth_date,
    swap_ambiguous_dates,
)
from pipeline.classify.fields.field_candidates import DATE_ORDER, FieldCandidate, find_candidates
from pipeline.classify.page_layout import analyze_layout
from pipeline.config import ClassifySettings
from pipeline.records import Field, OcrPage, Reason

MULTIVALUED_FIELDS = frozenset(("icd10", "cpt"))
"""Fields of which a document may have several values; they are stored in one value, separated by spaces."""

UNREPORTED_FIELDS = frozenset(("age", "ssn"))
"""Fields that are only evidence for others and are not stored."""

MIN_NAME_SIMILARITY = 88.0
"""rapidfuzz's token_set_ratio from which two readings count as the same name."""

MIN_CONFLICT_CONFIDENCE, MIN_CONFLICT_LABEL_STRENGTH = 0.7, 0.8
"""Confidence and label strength from which two different values are a disagreement that a reviewer should
see.
"""

MIN_STRONG_CONFIDENCE = 0.6
"""Raw confidence of a strongly labeled value from which weakly labeled ones do not count."""

MAX_MISREAD_SHARE = 0.15
"""Share of a value's letters that OCR errors may change: one in a record number, two in a name."""

FREE_TEXT_FIELDS = ("patient_name", "mrn", "member_id")
"""Fields of which nothing but the reading itself shows that a letter is wrong. A misread date is seldom a
date.
"""

MIN_READ_CONFIDENCE = 0.55
"""OCR confidence of the least certain word from which such a value is given. Of 14 values below it on 400
faxed and scanned documents 10 were wrong; of 676 above it 16.
"""

MIN_WORD_CONFIDENCE = 0.8
"""A value with a word of lower confidence is poorly read."""

MAX_GROUP_CONFIDENCE = 0.995
"""Highest confidence of a value, however often it is repeated."""

REPEATED_VALUE_WEIGHT = 0.5
"""How much a repetition of a value on another row counts, compared with the best reading."""

SUBSTITUTE_DATES = (("discharge_date", 0.95), ("admission_date", 0.9))
"""Fields that may take the place of the date of service, and the factor on their confidence."""

SUBSTITUTE_ACCOUNT_WEIGHT, MAX_SUBSTITUTE_ACCOUNT_DIGITS = 0.7, 8
"""Factor on the confidence of an account number that takes the place of the record number, and its most
digits.
"""

IDENTIFIER_NAMES = {"patient_name": "patient names", "mrn": "record numbers", "dob": "birth dates"}
"""Fields that identify the patient, as they are called in messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldResults:
    """The fields of a document, and the disagreements between its pages."""

    fields: tuple[Field, ...]
    issues: tuple[Reason, ...]


def find_fields(pages: Sequence[OcrPage], settings: ClassifySettings) -> tuple[Field, ...]:
    """Return the index fields of a document's pages, sorted by name.

    Several codes are one value, separated by spaces.
    """
    candidates = [candidate for page in pages for candidate in find_candidates(analyze_layout(page))]
    return select_fields(candidates, settings).fields


def select_fields(
    candidates: Iterable[FieldCandidate], settings: ClassifySettings, *, calibrated: bool = True
) -> FieldResults:
    """Return the best value of each field.

    A value's confidence is lowered by competing values, raised by agreement, and then calibrated.

    Args:
        candidates: All candidates of the document's pages.
        settings: The patterns and the check digit of record numbers.
        calibrated: False: return raw confidences, as calibration needs them.
    """
    by_field: ScoredByField = {}
    for candidate in candidates:
        scored = ScoredCandidate(raw_confidence(candidate, settings), candidate)
        by_field.setdefault(candidate.field, []).append(scored)
    orders = {scored.candidate.value for scored in by_field.pop(DATE_ORDER, ())}
    if orders == {"day_first"}:
        swap_ambiguous_dates(by_field)
    by_field["patient_name"] = _without_weak_rivals(by_field.get("patient_name", ()))
    _add_substitutes(by_field)
    infer_birth_date(by_field)
    drop_unrelated_dates(by_field)
    fields: list[Field] = []
    issues: list[Reason] = []
    for name in sorted(name for name, scored in by_field.items() if scored):
        groups = _group_by_value(name, by_field[name])
        if name in MULTIVALUED_FIELDS:
            fields.append(_join_values([_build_field(name, group, rivals=()) for group in groups]))
        else:
            if not _is_poorly_read(name, groups[0]):
                fields.append(_build_field(name, groups[0], rivals=groups[1:]))
            issues += _disagreements(name, groups)
    fields = [field for field in apply_age(fields) if field.name not in UNREPORTED_FIELDS]
    if calibrated:
        fields = [replace(f, confidence=calibrated_confidence(f.name, f.confidence)) for f in fields]
    limit = date_order_limit(by_field.get("date_of_service", ()), orders)
    fields = [
        replace(f, confidence=min(f.confidence, limit)) if f.name == "date_of_service" else f for f in fields
    ]
    return FieldResults(fields=tuple(fields), issues=tuple(issues))


def _join_values(fields: Sequence[Field]) -> Field:
    """Return one field with all values, in their order on the pages, separated by spaces.

    Its page and box are those of the first value, its confidence is that of the least certain value.
    """
    ordered = sorted(fields, key=lambda field: (field.page, field.box[1], field.box[0]))
    return replace(
        ordered[0],
        value=" ".join(field.value for field in ordered),
        confidence=min(field.confidence for field in ordered),
    )


def _without_weak_rivals(scored: Sequence[ScoredCandidate]) -> list[ScoredCandidate]:
    """Return the candidates without those that a weak label, or none, names, if a strong label on the same
    page names one: "Name" next to "Patient's Name" is another person.
    """
    pages = {
        candidate.page
        for confidence, candidate in scored
        if confidence >= MIN_STRONG_CONFIDENCE
        and candidate.evidence["label_strength"] >= MIN_CONFLICT_LABEL_STRENGTH
    }
    return [
        each
        for each in scored
        if each.candidate.page not in pages
        or each.candidate.evidence["label_strength"] > MIN_REFERENCE_LABEL_STRENGTH
    ]


def _add_substitutes(by_field: ScoredByField) -> None:
    """Add substitutes: discharge and admission dates for the date of service, an outside laboratory's account
    number for the record number.
    """
    for name, weight in SUBSTITUTE_DATES:
        for confidence, candidate in by_field.pop(name, ()):
            dates = by_field.setdefault("date_of_service", [])
            dates.append(ScoredCandidate(confidence * weight, candidate))
    if by_field.get("mrn"):
        return
    for confidence, candidate in by_field.get("account", ()):
        digits = len(re.sub(r"\D", "", candidate.value))
        if candidate.label.startswith("acct") and digits <= MAX_SUBSTITUTE_ACCOUNT_DIGITS:
            numbers = by_field.setdefault("mrn", [])
            numbers.append(ScoredCandidate(confidence * SUBSTITUTE_ACCOUNT_WEIGHT, candidate))


def values_match(name: str, left: str, right: str) -> bool:
    """Return whether two readings of a field are the same value. Names match in any order, with or without a
    middle name or initial.
    """
    if name in ("patient_name", "author"):
        return names_match(left, right)
    if name in ("facility", "address"):
        return fuzz.ratio(left.lower(), right.lower()) >= MIN_NAME_SIMILARITY
    return re.sub(r"\W", "", left).lower() == re.sub(r"\W", "", right).lower()


def names_match(left: str, right: str) -> bool:
    """Return whether two printed names may be the same person's, by their letters."""
    a, b = (sorted(re.findall(r"[^\W\d_]+", text.lower())) for text in (left, right))
    if not a or not b:
        return False
    return float(fuzz.token_set_ratio(" ".join(a), " ".join(b))) >= MIN_NAME_SIMILARITY


def _group_by_value(name: str, scored: Sequence[ScoredCandidate]) -> list[list[ScoredCandidate]]:
    """Group the candidates by value, the best value first; within a group the best reading is first."""
    groups: list[list[ScoredCandidate]] = []
    for item in sorted(scored, key=lambda item: -item.confidence):
        for group in groups:
            if values_match(name, group[0].candidate.value, item.candidate.value):
                group.append(item)
                break
        else:
            groups.append([item])
    return sorted(groups, key=lambda group: -_group_confidence(group))


def _group_confidence(group: Sequence[ScoredCandidate]) -> float:
    """Return the probability that a value is correct: that of its best candidate, raised by the same value on
    other rows.
    """
    wrong = 1.0
    rows: set[tuple[int, int]] = set()
    for confidence, candidate in group:
        row = (candidate.page, candidate.row)
        if row not in rows:
            wrong *= 1 - REPEATED_VALUE_WEIGHT * confidence if rows else 1 - confidence
            rows.add(row)
    return min(1 - wrong, MAX_GROUP_CONFIDENCE)


def _build_field(
    name: str, group: Sequence[ScoredCandidate], rivals: Sequence[Sequence[ScoredCandidate]]
) -> Field:
    """Return the field with the group's most complete reading. The strongest rival lowers its confidence."""
    best = _fullest_name(group) if name == "patient_name" else group[0].candidate
    confidence = _group_confidence(group)
    if name in (*IDENTIFIER_NAMES, "date_of_service") and _is_unconfirmed(name, best, group):
        confidence = min(confidence, MAX_UNCONFIRMED_CONFIDENCE)
    if name not in ("author", "facility", "phone", "address"):
        rival = max((_group_confidence(other) for other in rivals), default=0.0)
        confidence *= 1 - 0.5 * rival * rival
    return Field(name=name, value=best.value, page=best.page, box=best.box, confidence=round(confidence, 4))


def _fullest_name(group: Sequence[ScoredCandidate]) -> FieldCandidate:
    """Return the reading with the most words among those nearly as confident as the best; of equals the most
    frequent, then the longest.
    """
    values = [candidate.value.lower() for _, candidate in group]
    close = [candidate for confidence, candidate in group if confidence >= 0.8 * group[0].confidence]
    return max(close, key=lambda c: (len(c.value.split()), values.count(c.value.lower()), len(c.value)))


def _is_unconfirmed(name: str, best: FieldCandidate, group: Sequence[ScoredCandidate]) -> bool:
    """Return whether a value is weak and is not repeated on another row. A weak value has a wide gap or a
    poorly read word, or is a substitute (a discharge date for a date of service).
    """
    is_weak = (
        best.evidence["min_confidence"] < MIN_WORD_CONFIDENCE
        or best.evidence["wide_gap"] > 0
        or best.field != name
    )
    return is_weak and len({c.row for _, c in group if c.value == best.value}) < 2


def _is_poorly_read(name: str, group: Sequence[ScoredCandidate]) -> bool:
    """Return whether a name or a number has a word that was probably misread, wherever it is printed. Such a
    value is not given.
    """
    best = max(candidate.evidence["min_confidence"] for _, candidate in group)
    return name in FREE_TEXT_FIELDS and best < MIN_READ_CONFIDENCE


def _disagreements(name: str, groups: Sequence[Sequence[ScoredCandidate]]) -> list[Reason]:
    """Return an issue if two pages each strongly state a different identifier of the patient. One page may
    name a relative as well.
    """
    if name not in IDENTIFIER_NAMES:
        return []
    first, *others = (
        [
            candidate
            for confidence, candidate in group
            if confidence >= MIN_CONFLICT_CONFIDENCE
            and candidate.evidence["label_strength"] >= MIN_CONFLICT_LABEL_STRENGTH
        ]
        for group in groups
    )
    for a, b in (pair for other in others for pair in product(first, other)):
        is_misreading = DamerauLevenshtein.distance(
            a.value.lower(), b.value.lower()
        ) <= MAX_MISREAD_SHARE * max(len(a.value), 10)
        both_on_one_page = a.page == b.page or any(candidate.page == b.page for candidate in first)
        if not is_misreading and not both_on_one_page:
            detail = f"Pages {a.page} and {b.page} show different {IDENTIFIER_NAMES[name]}."
            return [Reason(code=f"conflicting_{name}", detail=detail)]
    return []
