"""Find the patients whom a document may be about, by its index fields and by what else its pages mention,
and verify each of them on the pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.config import Settings
from pipeline.matching.birth_dates import is_birth_date
from pipeline.matching.decision_rules import candidate_probabilities
from pipeline.matching.page_evidence import PageEvidence, Reading, evidence_of
from pipeline.matching.person import Person
from pipeline.matching.person_names import split_name
from pipeline.matching.printed_facts import verify
from pipeline.matching.printed_reasons import with_places
from pipeline.matching.weights import Frequencies, score_match, shipped_frequencies
from pipeline.patients.candidates import (
    MAX_SAME_NAME_PATIENTS,
    SCORED_PER_CANDIDATE,
    SQL,
    candidate_from_row,
    mrn_holders,
    name_frequencies,
    number_key,
    person_from_row,
    search_keys,
)
from pipeline.records import Candidate, Document
from pipeline.store.database import Connection

MAX_SEARCHED = {"name": 40, "dob": 16, "mrn": 24}
"""Readings of a kind that are searched for: each costs some 10 microseconds, and the labeled ones come
first."""


def find_document_candidates(
    connection: Connection, document: Document, settings: Settings
) -> list[Candidate]:
    """Return the patients whom a document may be about, each with the facts that are printed.

    Returns:
        At most `matching.candidates` candidates, the largest weight first.
    """
    matching = settings.matching
    page = evidence_of(document, settings.classify.placeholder_names)
    limits = {"most": matching.candidates * SCORED_PER_CANDIDATE, "most_named": MAX_SAME_NAME_PATIENTS}
    keys = search_keys(page.chosen) | mentioned_keys(page) | limits
    rows = connection.execute(SQL["find_candidates"], keys).fetchall()
    if not rows:
        return []
    records = [person_from_row(row) for row in rows]
    frequencies = name_frequencies(connection, [*printed_people(page), *records])
    page = replace(page, names_of_nobody=frozenset(unknown_names(printed_people(page), frequencies)))
    verified = [verify(record, page) for record in records]
    scores = [
        score_match(found.person, record, frequencies, matching.weights)
        for found, record in zip(verified, records, strict=True)
    ]
    shares = candidate_probabilities(scores, max(frequencies.size, matching.min_population), matching)
    order = sorted(range(len(rows)), key=lambda n: (-scores[n].bits, rows[n]["id"]))[: matching.candidates]
    holders = mrn_holders(connection, page.chosen.mrn)
    return [
        with_places(candidate_from_row(rows[n], scores[n], shares[n], holders), verified[n].facts)
        for n in order
    ]


def mentioned_keys(page: PageEvidence) -> dict[str, Any]:
    """Return the parameters of the statement `find_candidates` for what the pages mention."""
    names = searched_names(page.readings["name"])
    numbers = (reading.person.mrn for reading in page.readings["mrn"][: MAX_SEARCHED["mrn"]])
    dates = (reading.person.dob for reading in page.readings["dob"])
    return {
        "mentioned_numbers": unique(
            "n" + key for number in numbers if number and (key := number_key(number))
        ),
        "mentioned_dates": unique(day for day in dates if day and is_birth_date(day))[: MAX_SEARCHED["dob"]],
        "mentioned_families": [family for family, _ in names],
        "mentioned_givens": [given for _, given in names],
    }


def searched_names(readings: Iterable[Reading]) -> list[tuple[str, str]]:
    """Return (family, given) of the names to search for: first the usual reading of each, then the others."""
    by_print: dict[str, list[tuple[str, str]]] = {}
    for reading in readings:
        family, given = reading.person.family, reading.person.given
        if family and given and min(len(family), len(given)) > 1:
            pairs = by_print.setdefault(reading.mention.readings[0], [])
            pairs += [(part, given) for part in {family, *split_name(family)} if len(part) > 1]
    ranked = sorted(
        (rank, n, pair) for n, pairs in enumerate(by_print.values()) for rank, pair in enumerate(pairs)
    )
    return list(dict.fromkeys(pair for *_, pair in ranked))[: MAX_SEARCHED["name"]]


def unique(values: Iterable[str]) -> list[str]:
    """Return the values without repetitions, in their order."""
    return list(dict.fromkeys(values))


def printed_people(page: PageEvidence) -> list[Person]:
    """Return the people whom the pages name."""
    return [page.chosen, *(reading.person for reading in page.readings["name"])]


def unknown_names(
    people: Sequence[Person], frequencies: Frequencies
) -> Iterator[tuple[str | None, str | None]]:
    """Yield (given, family) of the people of whom neither name is in the index or on the list of common
    names.
    """
    listed, _ = shipped_frequencies()
    for person in people:
        parts: Mapping[str, str | None] = {"given": person.given, "family": person.family}
        if not any(
            name and (frequencies.counts.get((part, name)) or name in listed[part])
            for part, name in parts.items()
        ):
            yield person.given, person.family
