"""A document's filing: the person its fields name, the candidates for that person, and the decision with its
reasons.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pipeline.config import Settings
from pipeline.matching.decision_rules import decide_match
from pipeline.matching.person import SUFFIXES, Person, person_from_record
from pipeline.records import Candidate, Document, Filed, Filing, NeedsReview, Reason

RECORD_KEYS_BY_FIELD = {
    "dob": "dob", "mrn": "mrn", "sex": "sex", "ssn": "ssn", "phone": "phone", "patient_phone": "phone",
    "address": "address", "patient_address": "address", "city": "city", "state": "state", "zip": "zip",
    "medicaid": "medicaid",
}  # fmt: skip
"""The document fields that speak of the patient, and the record keys they are."""
IDENTIFYING_FIELDS = ("patient_name", "dob", "mrn", "ssn")
TITLE_PATTERN = re.compile(r"^(?:mr|mrs|ms|miss|mx|dr|prof|patient|pt|name)\b[. :]*", re.IGNORECASE)
DEGREE_PATTERN = re.compile(r",?\s+(?:M\.?D|D\.?O|R\.?N|Ph\.?D|Esq)\.?$")


def person_from_document(document: Document) -> Person:
    """What the document's fields say of the patient; how surely each was read goes with it."""
    found = {name: document.field(name) for name in ("patient_name", *RECORD_KEYS_BY_FIELD)}
    return person_from_fields({name: (field.value, field.confidence) for name, field in found.items() if field})


def person_from_fields(fields: Mapping[str, tuple[str, float]]) -> Person:
    """The same from {field: (value, how surely it was read)}."""
    said: dict[str, object] = {}
    confidence: dict[str, float] = {}
    if "patient_name" in fields:
        name, sure = fields["patient_name"]
        said |= parse_name(name)
        confidence |= dict.fromkeys(("given", "family", "middle", "suffix"), sure)
    for name_of_field, key in RECORD_KEYS_BY_FIELD.items():
        if name_of_field in fields:
            said[key], confidence["home" if key == "address" else key] = fields[name_of_field]
    return person_from_record(said, confidence=confidence)


def parse_name(name: str) -> dict[str, str]:
    """A name as it is printed ("Garcia-Lopez, Anna M", "Mr. John Smith Jr.") in its parts: given, middle,
    family, suffix.
    """
    text = DEGREE_PATTERN.sub("", TITLE_PATTERN.sub("", " ".join(name.split()))).strip(" ,.;:")
    suffix = ""
    found = re.search(r"[, ]+(\w+)\.?$", text)
    if found and found.start() and found[1].lower() in SUFFIXES and found[1].lower() not in ("i", "v"):
        text, suffix = text[: found.start()], found[1]
    if "," in text:
        family, rest = (part.strip() for part in text.split(",", 1))
        last = family.rsplit(" ", 1)
        if len(last) == 2 and last[1].lower().strip(".") in SUFFIXES:
            family, suffix = last[0], last[1]
        given, _, middle = rest.replace(",", " ").strip().partition(" ")
    else:
        given, middle, family, suffix = parse_name_without_comma(text.split(), suffix)
    return {"given": given, "middle": middle.strip(), "family": family, "suffix": suffix}


def parse_name_without_comma(words: list[str], suffix: str) -> tuple[str, str, str, str]:
    """Given, middle, family and suffix of a name whose comma was lost or never was ("George Jr. Jonathan",
    "Reyes Ana M").
    """
    at = next(
        (n for n, word in enumerate(words[1:-1], 1) if word.lower().strip(".") in SUFFIXES and len(word) > 1),
        None,
    )
    if at is not None:
        return words[at + 1], " ".join(words[at + 2 :]), " ".join(words[:at]), words[at].strip(".")
    if len(words) > 2 and len(words[-1].strip(".")) == 1:
        return words[1], " ".join(words[2:]), words[0], suffix
    *first, family = words or [""]
    return (first[0] if first else ""), " ".join(first[1:]), family, suffix


def decide(document: Document, candidates: Sequence[Candidate], settings: Settings) -> Filing:
    """File the document with nobody's help where its patient is beyond doubt and sorting had no doubts; else
    say why not.
    """
    service = document.field("date_of_service")
    verdict = decide_match(candidates, settings.matching, service.value if service else None)
    probability = candidates[0].probability if candidates else None
    against = verdict.reasons if verdict.decision != "match" else ()
    doubts = (*missing_patient_reasons(document), *against, *document.issues)
    if doubts or verdict.best is None or probability is None:
        return NeedsReview(
            document=document, probability=probability, candidates=tuple(candidates), reasons=tuple(doubts)
        )
    return Filed(
        document=document,
        patient=verdict.best.patient,
        probability=probability,
        candidates=tuple(candidates),
        reasons=(*verdict.reasons, *verdict.best.reasons),
    )


def missing_patient_reasons(document: Document) -> Iterator[Reason]:
    """A document that names nobody says so, rather than that nobody was found."""
    if not any(document.field(name) for name in IDENTIFYING_FIELDS):
        yield Reason(code="no_patient_named", detail="The document does not say whose it is")
