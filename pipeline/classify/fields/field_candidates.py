"""Every value that a page offers for an index field, with what speaks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

from pipeline.classify.fields import identifiers, name_parsing, page_zones
from pipeline.classify.fields.addressograph import cards
from pipeline.classify.fields.codes import code_offers
from pipeline.classify.fields.date_parsing import days_in
from pipeline.classify.fields.label_values import Answer, answers
from pipeline.classify.fields.labels import Label, labels_of
from pipeline.classify.page_layout import Layout, box_of
from pipeline.records import Box, Word

DATES = frozenset(("dob", "date_of_service", "discharge_date", "admission_date"))
NUMBERS = frozenset(("mrn", "account", "accession", "member_id", "group", "ssn"))
SEXES = {
    "m": "male",
    "male": "male",
    "f": "female",
    "female": "female",
    "fem": "female",
    "man": "male",
    "woman": "female",
}

INSURERS = frozenset(("insurance", "payer", "payor", "plan", "planname"))
"""Labels of an insurer, beside which a number is the insured's there."""

CARD_STRENGTH = 0.7
"""What the form of an addressograph says for its values, against a label's 1."""

CARD = frozenset(("rxbin", "rxpcn", "rxgrp", "rxgroup", "copay", "copays"))
"""Labels that only an insurance card bears."""

WEAK_LABEL = 0.5
"""Strength up to which a label is used for other things too."""

FEWEST_DIGITS = 4
"""Of a record number: "(555)" is the start of a telephone number."""

HEAD = 0.4
"""The part of a page, from the top, in which a form names its patient and visit."""

STRONG_LABEL = 0.75
"""Label strength from which a label says alone what its value is; a weak one counts 0.5."""

TORN = 1.8
"""Usual gaps between the page's words from which a word may have been lost between two words of a value: a
middle initial, mostly. Of 435 names read right 9 have such a gap, of names that lack an initial all (3.3 and
more)."""

ADJOINING_ROWS = 3
"""Rows within which an unlabelled name must stand beside a birth date or record number (addressograph, header
box).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A value that a page offers. `evidence` are the numbers that the calibrated scorer weighs (see
    confidence.py).
    """

    field: str
    value: str
    page: int
    box: Box
    row: int
    label: str = ""
    evidence: Mapping[str, float] = dataclasses.field(default_factory=dict)


def offers_of(layout: Layout) -> tuple[Offer, ...]:
    """All offers of a page, for every field."""
    labels = labels_of(layout)
    found = list(_labelled(layout, labels))
    found = [offer for offer in found if not _is_senders(offer, layout, found)]
    found += _on_cards(layout, labels, found)
    found += _unlabelled_names(layout, labels, found)
    found += _unlabelled_dates(layout, labels)
    found += _letterhead(layout)
    found += [
        Offer(
            field=kind,
            value=code,
            page=layout.number,
            box=word.box,
            row=row,
            evidence=_evidence(layout, (word,), 1.0),
        )
        for kind, code, word, row in code_offers(layout)
    ]
    return tuple(found)


def _labelled(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[Offer]:
    """Values that answer a label. The one below is offered only where nothing to the right will do."""
    answered: set[tuple[int, int]] = set()
    for answer in answers(layout, labels):
        place = (answer.label.row, answer.label.first)
        if place in answered:
            continue
        label = answer.label
        if label.field == "facility" and not (label.colon or answer.place == "below"):
            continue  # "Hospital course was uneventful": the word begins a sentence or a street
        for name, value, words in _read(_kind(label, labels), answer.words):
            answered.add(place)
            yield Offer(
                field=name,
                value=value,
                page=layout.number,
                box=box_of(words),
                row=label.row,
                label=label.key,
                evidence=_evidence(layout, words, label.sure, answer),
            )


def _on_cards(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], found: Sequence[Offer]
) -> Iterator[Offer]:
    """The values of a card without labels, for fields that no label announces."""
    known = {offer.field for offer in found}
    for card in cards(layout, labels):
        if card.field not in known:
            evidence = _evidence(layout, card.words, CARD_STRENGTH)
            yield Offer(
                field=card.field,
                value=card.value,
                page=layout.number,
                box=box_of(card.words),
                row=card.row,
                label="card",
                evidence=evidence,
            )


def _is_senders(offer: Offer, layout: Layout, found: Sequence[Offer]) -> bool:
    """Is this telephone number the letterhead's and not the patient's? "Phone" alone says whose only below
    the patient's name.
    """
    if offer.field != "phone" or offer.evidence["label"] >= STRONG_LABEL:
        return False
    text = layout.texts()[offer.row].lower()
    first = min(
        (o.row for o in found if o.field in ("patient_name", "mrn", "dob", "address")),
        default=len(layout.rows),
    )
    return offer.row < first or "fax" in text


def _kind(label: Label, labels: Mapping[int, tuple[Label, ...]]) -> str:
    """The field that a label announces: "ID #" beside "Insurance", or on a page that names a group, is no
    record number.
    """
    if label.field != "mrn" or label.sure > WEAK_LABEL:
        return label.field
    beside = any(other.key in INSURERS and other.first < label.first for other in labels[label.row])
    card = any(
        other.field in ("group", "member_id") or other.key in CARD for row in labels.values() for other in row
    )
    return "member_id" if beside or card else label.field


def _read(kind: str, words: Sequence[Word]) -> Iterator[tuple[str, str, tuple[Word, ...]]]:
    """(field, normal value, its words) that an answer to a label of this kind holds."""
    if kind == "patient_name":
        named = name_parsing.name_words(words)
        if named and name_parsing.is_name(named) and not name_parsing.credential_follows(words, named):
            yield kind, name_parsing.printed_name(named), named
    elif kind in DATES:
        day = next(days_in(words[:6], birth=kind == "dob"), None)
        if day:
            yield kind, day.value.isoformat(), day.words
    elif kind in NUMBERS:
        number = identifiers.number_in(words)
        if number and (kind != "mrn" or sum(c.isdigit() for c in number[0]) >= FEWEST_DIGITS):
            yield kind, number[0], number[1]
    elif kind == "sex":
        for word in words[:3]:
            sex = SEXES.get(word.text.strip(".,;:|/()[]").lower())
            if sex:
                yield kind, sex, (word,)
                return
    elif kind == "age":
        digits = "".join(c for c in words[0].text if c.isdigit())
        if digits and int(digits) < 120:
            yield kind, digits, (words[0],)
    elif kind == "phone":
        phone = identifiers.phone_in(words)
        if phone:
            yield kind, phone[0], phone[1]
    elif kind == "author":
        named = name_parsing.name_words(name_parsing.without_office(words))
        after = words[words.index(named[-1]) + 1 :][:1] if named and named[-1] in words else ()
        if after and page_zones.FACILITY.search(after[0].text):
            return  # "Signed: Mercy Ridge Hospital"
        named = tuple(word for word in named if not name_parsing.is_credential(word.text))
        if len(named) >= 2:
            yield kind, name_parsing.printed_name(named), named
    elif kind in ("address", "facility"):
        text = page_zones.plain(words)
        if page_zones.is_facility(text) if kind == "facility" else page_zones.is_address(text):
            yield kind, text, tuple(words)


def _evidence(
    layout: Layout, words: Sequence[Word], label: float, answer: Answer | None = None
) -> dict[str, float]:
    """What the scorer weighs, each about 0 to 1."""
    top = min(word.box[1] for word in words) / layout.height
    return {
        "label": label,
        "colon": float(answer.label.colon) if answer else 0.0,
        "below": float(answer.place == "below") if answer else 0.0,
        "far": min(answer.gap / 10, 1.0) if answer else 0.0,
        "head": float(top < HEAD),
        "read": fmean(word.confidence for word in words),
        "worst": min(word.confidence for word in words),
        "torn": float(any(b.box[0] - a.box[2] > TORN * layout.space for a, b in pairwise(words))),
    }


def _unlabelled_names(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], found: Sequence[Offer]
) -> list[Offer]:
    """Names in cells of their own beside a birth date or record number, as on an addressograph or in a header
    box.
    """
    anchors = {
        offer.row
        for offer in found
        if offer.field in ("dob", "mrn", "age", "sex", "account") and offer.evidence["head"]
    }
    if not anchors or any(
        offer.field == "patient_name" and offer.evidence["label"] >= 0.8 for offer in found
    ):
        return []
    offers = []
    for index, row in enumerate(layout.rows):
        if min(abs(index - anchor) for anchor in anchors) > ADJOINING_ROWS:
            continue
        taken = {i for label in labels.get(index, ()) for i in range(label.first, label.last)}
        at = 0
        for cell in row:
            first, at = at, at + len(cell.words)
            if first in taken:
                continue
            named = name_parsing.name_words(cell.words)
            rest = cell.words[len(named) :]
            if (
                not name_parsing.is_name(named)
                or name_parsing.credential_follows(cell.words, named)
                or (rest and not _ends_name(rest[0]))
            ):
                continue
            if any(word.text.strip(",.") in name_parsing.STATES for word in (named[0], named[-1])):
                continue  # "Oak Brook, IL" of an address
            offers.append(
                Offer(
                    field="patient_name",
                    value=name_parsing.printed_name(named),
                    page=layout.number,
                    box=box_of(named),
                    row=index,
                    evidence=_evidence(layout, named, 0.0) | {"order": float("," in cell.text)},
                )
            )
    return offers


def _ends_name(word: Word) -> bool:
    """May this word follow an unlabelled name? A number, a label or a bar may; another word of a sentence may
    not.
    """
    return (
        any(c.isdigit() for c in word.text)
        or word.text.endswith(":")
        or not any(c.isalpha() for c in word.text)
    )


def _unlabelled_dates(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> list[Offer]:
    """A date alone in its cell near the top, as a letter bears it, and the dates of signing and dictation at
    the end.
    """
    offers = []
    for index, row in enumerate(layout.rows):
        text = " ".join(cell.text for cell in row).lower()
        if page_zones.is_fax_line(text):
            continue
        signed = "sign" in text or "authenticated" in text
        for cell in row:
            for day in days_in(cell.words):
                alone = len(day.words) >= len(cell.words) - 1 and index not in labels
                if not (alone or signed):
                    continue
                offers.append(
                    Offer(
                        field="date_of_service",
                        value=day.value.isoformat(),
                        page=layout.number,
                        box=box_of(day.words),
                        row=index,
                        label="signed" if signed else "alone",
                        evidence=_evidence(layout, day.words, 0.0) | {"signed": float(signed)},
                    )
                )
    return offers


def _letterhead(layout: Layout) -> list[Offer]:
    """The facility from the letterhead, the author from the signature line."""
    offers = []
    head = page_zones.letterhead(layout)
    if head:
        offers.append(
            Offer(field="facility", value=page_zones.plain(head.words), page=layout.number, box=head.box, row=head.row,
                  label="letterhead", evidence=_evidence(layout, head.words, 0.6))
        )  # fmt: skip
    for words, row in page_zones.signers(layout):
        offers.append(
            Offer(field="author", value=name_parsing.printed_name(words), page=layout.number, box=box_of(words), row=row,
                  label="signer", evidence=_evidence(layout, words, 0.7))
        )  # fmt: skip
    return offers
