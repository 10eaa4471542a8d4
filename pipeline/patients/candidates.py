"""Find candidates in the patient index: one statement searches several indexed keys, then each candidate is
scored in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.config import MatchingSettings
from pipeline.matching.birth_dates import possible_misreadings
from pipeline.matching.comparison_levels import LOOKALIKE_TABLE
from pipeline.matching.decision_rules import (
    DECEASED,
    MRN_OF_ANOTHER,
    candidate_probabilities,
    reasons_from_score,
)
from pipeline.matching.person import (
    SSN_SUFFIX_DIGITS,
    Person,
    normalize_name,
    person_from_record,
    record_from_values,
)
from pipeline.matching.person_names import nickname_variants, split_name
from pipeline.matching.weights import Frequencies, MatchScore, score_match
from pipeline.patients.patient_record import PatientUpdate
from pipeline.records import Candidate, PatientRef, Reason
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.patients")
MAX_SAME_NAME_PATIENTS = (
    100  # bearers of both names, the nearest of them, that are weighed against what else leads to a patient
)
MAX_NICKNAMES = 12  # of a given name that are searched
PREFIX_LENGTHS = range(3, 6)  # letters of a given name that may be a shortened form
CURSOR_ROWS = 5_000  # rows in memory at a time when the whole index is read
SCORED_PER_CANDIDATE = 4  # patients scored for each candidate that is returned
DIGITS = "0123456789"


def find_candidates(connection: Connection, person: Person, settings: MatchingSettings) -> list[Candidate]:
    """Return the patients whom a record about this person may be about.

    Returns:
        At most `settings.candidates` candidates, the largest weight first.
    """
    looked_at = {"most": settings.candidates * SCORED_PER_CANDIDATE, "most_named": MAX_SAME_NAME_PATIENTS}
    rows = connection.execute(SQL["find_candidates"], search_keys(person) | looked_at).fetchall()
    if not rows:
        return []
    patients = [person_from_row(row) for row in rows]
    frequencies = name_frequencies(connection, [person, *patients])
    scores = [score_match(person, patient, frequencies, settings.weights) for patient in patients]
    shares = candidate_probabilities(scores, max(frequencies.size, settings.min_population), settings)
    ordered = sorted(
        zip(rows, scores, shares, strict=True), key=lambda entry: (-entry[1].bits, entry[0]["id"])
    )
    holders = mrn_holders(connection, person.mrn)
    return [
        candidate_from_row(row, score, share, holders) for row, score, share in ordered[: settings.candidates]
    ]


def candidate_from_row(
    row: Mapping[str, Any], score: MatchScore, probability: float, holders: set[int]
) -> Candidate:
    """Return a patient in the index as a candidate. `holders`: the patients with the printed MRN."""
    reasons = list(reasons_from_score(score))
    if holders and row["id"] not in holders:
        reasons.append(Reason(code=MRN_OF_ANOTHER, detail="The MRN as printed is another patient's"))
    if row["deceased"]:
        reasons.append(Reason(code=DECEASED, detail=row["deceased"]))
    return Candidate(
        patient=PatientRef(id=row["id"], mrn=row["mrn"]),
        probability=probability,
        weight=round(score.bits, 2),
        reasons=tuple(reasons),
        person=record_from_values(row),
    )


def search_keys(person: Person) -> dict[str, Any]:
    """Return the parameters of the statement `find_candidates`."""
    given = (
        [person.given, *nickname_variants(person.given)[:MAX_NICKNAMES], *person.other_given]
        if person.given
        else []
    )
    names = [
        part
        for name in (*given, person.family, *person.other_family)
        if name
        for part in {name, *split_name(name)}
        if len(part) > 1
    ]
    numbers = ["n" + number_key(n) for n in (person.mrn, person.medicaid) if n and number_key(n)]
    near = ["n" + n for n in keys_one_edit_away(number_key(person.mrn))] if person.mrn else []
    if person.ssn and len(person.ssn) > SSN_SUFFIX_DIGITS:
        numbers.append("s" + number_key(person.ssn))
        near += ["s" + n for n in keys_one_edit_away(number_key(person.ssn))]
    return {
        "numbers": numbers,
        "near_numbers": near,
        "phones": ["p" + person.phone[-7:]] if person.phone else [],
        "dob": person.dob,
        "dobs": list(possible_misreadings(person.dob)) if person.dob else [],
        "names": names,
        "spelt": names,
        "sex": person.sex,
        "middle": person.middle[0] if person.middle else None,
        "zip": person.home.zip or None,
        "mentioned_numbers": [],
        "mentioned_dates": [],
        "mentioned_families": [],
        "mentioned_givens": [],
    }


def number_key(number: str) -> str:
    """Return the same as the database's function `number_key`: look-alike characters replaced by digits, no
    leading zeros.
    """
    return re.sub(r"[^A-Z0-9]", "", number.upper()).translate(LOOKALIKE_TABLE).lstrip("0")


def keys_one_edit_away(key: str) -> set[str]:
    """Return every key that differs by one digit missing, added or wrong, or two swapped; about 170 for seven
    digits.
    """
    cuts = range(len(key))
    dropped = {key[:i] + key[i + 1 :] for i in cuts}
    swapped = {key[:i] + key[i + 1] + key[i] + key[i + 2 :] for i in cuts[:-1]}
    wrong = {key[:i] + d + key[i + 1 :] for i in cuts for d in DIGITS}
    added = {key[:i] + d + key[i:] for i in range(len(key) + 1) for d in DIGITS}
    return {near.lstrip("0") for near in dropped | swapped | wrong | added} - {key, ""}


def person_from_row(row: Mapping[str, Any]) -> Person:
    """Return a patient in the index, with former names, numbers of other facilities and those of merged
    patients."""
    other = [*(row["names"] or ()), *((given, family) for given, family, _ in row["merged"] or ())]
    former = [row["previous_family"], *(family for _, family in other)]
    numbers = [*(row["numbers"] or ()), *(mrn for *_, mrn in row["merged"] or () if mrn)]
    return person_from_record(
        row,
        other_given=tuple(
            {name for given, _ in other if (name := normalize_name(given)) and given != row["given"]}
        ),
        other_family=tuple(
            {name for family in former if (name := normalize_name(family)) and family != row["family"]}
        ),
        other_numbers=tuple(re.sub(r"[^A-Za-z0-9]", "", number).upper() for number in numbers),
    )


def name_frequencies(connection: Connection, people: Sequence[Person]) -> Frequencies:
    """Return how common these people's names are in the index."""
    wanted = {
        (part, name) for person in people for part in ("given", "family") if (name := getattr(person, part))
    }
    parts, names = zip(*sorted(wanted), strict=True) if wanted else ((), ())
    counted = connection.execute(SQL["count_names"], {"parts": list(parts), "names": list(names)})
    counts = {(row["part"], row["name"]): row["n"] for row in counted}
    cut = sorted({name for person in people if (name := person.given) and len(name) in PREFIX_LENGTHS})
    for row in connection.execute(SQL["count_beginnings"], {"beginnings": cut}) if cut else ():
        counts["beginning", row["name"]] = row["n"]
    size = connection.execute(SQL["index_size"]).fetchone()
    return Frequencies(size=size["patients"] if size else 0, counts=counts)


def mrn_holders(connection: Connection, mrn: str | None) -> set[int]:
    """Return the patients with this MRN. Letters and digits must be equal; separators do not count."""
    return {row["id"] for row in connection.execute(SQL["mrn_holders"], {"mrn": mrn})} if mrn else set()


def all_patients(connection: Connection) -> Iterator[PatientUpdate]:
    """Yield every patient in the index who is not merged into another, a few thousand rows at a time."""
    with connection.transaction(), connection.cursor(name="people") as cursor:
        cursor.itersize = CURSOR_ROWS
        for row in cursor.execute(SQL["people"]):
            yield PatientUpdate(
                f"patient {row['id']}", {key: str(value) for key, value in row.items() if value is not None}
            )
