"""One value for each field of a document, out of everything its pages offer; and whether they agree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product

from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from pipeline.classify.fields.confidence import MAX_UNCONFIRMED_CONFIDENCE, calibrated_confidence
from pipeline.classify.fields.confidence import raw_confidence
from pipeline.classify.fields.field_candidates import Offer, offers_of
from pipeline.classify.page_layout import lay_out
from pipeline.config import ClassifySettings
from pipeline.records import Field, OcrPage, Reason

MANY = frozenset(("icd10", "cpt"))
"""Fields of which a document may have several values."""

SAME_NAME = 88.0
"""rapidfuzz's token_set_ratio from which two readings are taken for one name."""

BIRTH_AGAINST, BIRTH_BY_AGE = 0.5, 0.7
"""Label strength of the date that an age is reckoned to, and how sure a birth date is that only its age
tells.
"""

TELL, LABELLED = 0.7, 0.8
"""Confidence and label strength from which two different values are a disagreement a person should know
of.
"""

MISREAD = 0.15
"""Share of a value's letters that reading errors may change: one in a record number, two in a name."""

DOUBTFUL = 0.8
"""An identifier or a date of service that is torn, has a word read less surely, or stands in for another (a
discharge date for a date of service), and that nothing else repeats, is at most UNCONFIRMED sure."""

WHAT = {"patient_name": "patient names", "mrn": "record numbers", "dob": "birth dates"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The fields of a document, and what its pages do not agree on."""

    fields: tuple[Field, ...]
    issues: tuple[Reason, ...]


def find_fields(pages: Sequence[OcrPage], settings: ClassifySettings) -> tuple[Field, ...]:
    """The index fields of a document's pages, at most one value for each name save for codes; sorted by
    name.
    """
    return choose([offer for page in pages for offer in offers_of(lay_out(page))], settings).fields


def choose(offers: Iterable[Offer], settings: ClassifySettings, *, calibrated: bool = True) -> Findings:
    """The best value for each field, its confidence lowered by rivals, raised by agreement, and made true by
    measurement.
    """
    by_field: dict[str, list[tuple[float, Offer]]] = {}
    for offer in offers:
        by_field.setdefault(offer.field, []).append((raw_confidence(offer, settings), offer))
    _stand_ins(by_field)
    _birth_by_age(by_field)
    fields: list[Field] = []
    doubts: list[Reason] = []
    for name, rated in sorted((pair for pair in by_field.items() if pair[1]), key=lambda pair: pair[0]):
        groups = _groups(name, rated)
        if name in MANY:
            fields += [_field(name, group, rivals=()) for group in groups]
            continue
        fields.append(_field(name, groups[0], rivals=groups[1:]))
        doubts += _disagreements(name, groups)
    fields = _check_age(fields)
    kept = (f for f in fields if f.name not in ("age", "ssn"))
    if calibrated:
        kept = (replace(f, confidence=calibrated_confidence(f.name, f.confidence)) for f in kept)
    return Findings(fields=tuple(kept), issues=tuple(doubts))


def _stand_ins(by_field: dict[str, list[tuple[float, Offer]]]) -> None:
    """Discharge and admission dates stand in for a date of service, an outside laboratory's account for the
    record number.
    """
    for name, weight in (("discharge_date", 0.95), ("admission_date", 0.9)):
        for rated, offer in by_field.get(name, ()):
            by_field.setdefault("date_of_service", []).append((rated * weight, offer))
    if "mrn" not in by_field:
        for rated, offer in by_field.get("account", ()):
            if offer.label.startswith("acct") and len(re.sub(r"\D", "", offer.value)) <= 8:
                by_field.setdefault("mrn", []).append((rated * 0.7, offer))
    for name in ("discharge_date", "admission_date"):
        by_field.pop(name, None)


def _birth_by_age(by_field: dict[str, list[tuple[float, Offer]]]) -> None:
    """Where no label names a birth date: the date that makes the patient as old as the page says. It is no
    date of service.
    """
    served = by_field.get("date_of_service", [])
    ages = {int(offer.value) for _, offer in by_field.get("age", ()) if int(offer.value) > 0}
    labelled = [offer for _, offer in served if offer.evidence["label"] >= BIRTH_AGAINST]
    if "dob" in by_field:
        known = {offer.value for _, offer in by_field["dob"]}
        by_field["date_of_service"] = [pair for pair in served if pair[1].value not in known]
        return
    born = [
        pair
        for pair in served
        if pair[1].label == "alone"
        and any(
            years_between(pair[1].value, other.value) in ages
            for other in labelled
            if other.value > pair[1].value
        )
    ]
    if born:
        by_field["dob"] = [(BIRTH_BY_AGE, replace(offer, field="dob")) for _, offer in born]
        by_field["date_of_service"] = [pair for pair in served if pair not in born]


def years_between(earlier: str, later: str) -> int:
    """Whole years between two ISO dates: somebody's age."""
    a, b = date.fromisoformat(earlier), date.fromisoformat(later)
    return b.year - a.year - ((b.month, b.day) < (a.month, a.day))


def same_value(name: str, left: str, right: str) -> bool:
    """Are two readings of a field the same value? Names in any order, with or without a middle name or
    initial.
    """
    if name in ("patient_name", "author"):
        return names_match(left, right)
    if name in ("facility", "address"):
        return fuzz.ratio(left.lower(), right.lower()) >= SAME_NAME
    return re.sub(r"\W", "", left).lower() == re.sub(r"\W", "", right).lower()


def names_match(left: str, right: str) -> bool:
    """Do two printed names name one person, as far as their letters go?"""
    a, b = (sorted(re.findall(r"[^\W\d_]+", text.lower())) for text in (left, right))
    if not a or not b:
        return False
    return float(fuzz.token_set_ratio(" ".join(a), " ".join(b))) >= SAME_NAME


def _groups(name: str, rated: list[tuple[float, Offer]]) -> list[list[tuple[float, Offer]]]:
    """Offers of one value together, the best value first; within a value the best reading first."""
    groups: list[list[tuple[float, Offer]]] = []
    for item in sorted(rated, key=lambda pair: -pair[0]):
        for group in groups:
            if same_value(name, group[0][1].value, item[1].value):
                group.append(item)
                break
        else:
            groups.append([item])
    return sorted(groups, key=lambda group: -_agreed(group))


def _agreed(group: Sequence[tuple[float, Offer]]) -> float:
    """The probability that a value is right: of its best offer, raised by offers elsewhere that say the
    same.
    """
    wrong = 1.0
    seen: set[tuple[int, int]] = set()
    for rated, offer in group:
        place = (offer.page, offer.row)
        if place not in seen:
            wrong *= 1 - rated if not seen else 1 - 0.5 * rated
            seen.add(place)
    return min(1 - wrong, 0.995)


def _field(
    name: str, group: Sequence[tuple[float, Offer]], rivals: Sequence[Sequence[tuple[float, Offer]]]
) -> Field:
    """The group's fullest reading, less sure the surer its strongest rival is."""
    best = group[0][1]
    if name == "patient_name":
        near = [offer for rated, offer in group if rated >= 0.8 * group[0][0]]
        best = max(
            near, key=lambda offer: (len(offer.value.split()), _times(group, offer.value), len(offer.value))
        )
    sure = _agreed(group)
    rival = max((_agreed(other) for other in rivals), default=0.0)
    poor = best.evidence["worst"] < DOUBTFUL or best.evidence["torn"] or best.field != name
    if (
        name in (*WHAT, "date_of_service")
        and poor
        and len({o.row for _, o in group if o.value == best.value}) < 2
    ):
        sure = min(sure, MAX_UNCONFIRMED_CONFIDENCE)
    if name not in ("author", "facility", "phone", "address"):
        sure *= 1 - 0.5 * rival * rival
    return Field(name=name, value=best.value, page=best.page, box=best.box, confidence=round(sure, 4))


def _times(group: Sequence[tuple[float, Offer]], value: str) -> int:
    return sum(offer.value.lower() == value.lower() for _, offer in group)


def _disagreements(name: str, groups: Sequence[Sequence[tuple[float, Offer]]]) -> list[Reason]:
    """A doubt where two pages each say strongly something else of the patient; one page may well name a
    relative too.
    """
    if name not in WHAT:
        return []
    said = [
        [o for rated, o in group if rated >= TELL and o.evidence["label"] >= LABELLED] for group in groups
    ]
    first, others = (said[0], said[1:]) if said else ([], [])
    for other in others:
        for a, b in product(first, other):
            near = DamerauLevenshtein.distance(a.value.lower(), b.value.lower()) <= MISREAD * max(
                len(a.value), 10
            )
            if a.page != b.page and not near and not any(offer.page == b.page for offer in first):
                told = f"Different {WHAT[name]} stand on pages {a.page} and {b.page}."
                return [Reason(code=f"conflicting_{name}", detail=told)]
    return []


def _check_age(fields: list[Field]) -> list[Field]:
    """A printed age that fits birth and service dates makes both surer; one that does not, less so."""
    by_name = {f.name: f for f in fields}
    age, dob, seen = by_name.get("age"), by_name.get("dob"), by_name.get("date_of_service")
    if not (age and dob and seen):
        return fields
    years = years_between(dob.value, seen.value)
    fits = abs(years - int(age.value)) <= (0 if years > 2 else 1)
    return [_shift(f, fits=fits) if f.name in ("dob", "date_of_service") else f for f in fields]


def _shift(f: Field, *, fits: bool) -> Field:
    sure = 1 - (1 - f.confidence) * 0.5 if fits else f.confidence * 0.8
    return Field(name=f.name, value=f.value, page=f.page, box=f.box, confidence=round(sure, 4))
