"""Read a patient from the PID segment of an HL7 v2 message, and the prior numbers from its MRG segment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipeline.errors import InvalidInput
from pipeline.patients.encounters import EncounterUpdate
from pipeline.patients.hl7_segments import (
    component_value,
    field_value,
    find_segment,
    first_repetition,
    is_deleted,
    repetitions,
)
from pipeline.patients.patient_record import PatientAlias, PatientUpdate

EARLIEST_YEAR = 1800  # of a birth or death
MAX_CLOCK_ERROR = timedelta(days=1)  # a message from further in the future is taken as sent now
IDENTIFIER_KINDS = {
    "MR": "mrn",
    "SS": "ssn",
    "AN": "account",
    "MA": "medicaid",
    "MC": "insurance",
    "SN": "insurance",
}
DELETABLE_FIELDS = {
    "mother_maiden": 6, "dob": 7, "sex": 8, "phone": 13, "ssn": 19, "birth_order": 25, "deceased": 29,
}  # fmt: skip
NAME_COMPONENTS = {"family": 1, "given": 2, "middle": 3, "suffix": 4}
ADDRESS_COLUMNS = ("address", "city", "state", "zip")
NAME_KINDS = {"M": "maiden", "A": "alias", "N": "nickname", "P": "alias", "B": "former", "K": "former"}
LEADING_DIGITS = re.compile(r"^\d*")


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientChange:
    """What a message says of one patient.

    `authority` is the assigning authority of the MRN, `deleted` the columns whose values the message deletes,
    `priors` the (authority, MRN) that a merge or a change of number replaces, `former_account` the account
    number that PID-18 replaces."""

    patient: PatientUpdate
    authority: str = ""
    deleted: frozenset[str] = frozenset()
    priors: tuple[tuple[str, str], ...] = ()
    account: str | None = None
    former_account: str | None = None
    encounter: EncounterUpdate | None = None


def patient_from_hl7(message: Any, assigning_authority: str, problems: list[str]) -> PatientChange:
    """Return the patient in the PID segment.

    Args:
        problems: receives a description of each value that is ignored.

    Raises:
        InvalidInput: if there is no PID segment.
    """
    pid = find_segment(message, "PID")
    if pid is None:
        raise InvalidInput(
            "The message has no PID segment.", "Send the patient in a PID segment.", "no_patient"
        )
    numbers = identifiers(pid, 3)
    mrn = local_mrn(numbers, assigning_authority)
    names = [parse_xpn(repetition) for repetition in repetitions(pid, 5)]
    current = next((values for kind, values in names if kind is None), names[0][1] if names else (None,) * 4)
    aliases = [(kind or "alias", values) for kind, values in names if values != current]
    aliases += [
        ("alias", values) for _, values in (parse_xpn(repetition) for repetition in repetitions(pid, 9))
    ]
    homes = [parse_xad(repetition) for repetition in repetitions(pid, 11)]
    phones = [number for repetition in repetitions(pid, 13) if (number := parse_xtn(repetition))]
    account = component_value(first_repetition(pid, 18), 1)
    row = {
        "mrn": mrn[2] if mrn else None,
        **dict(zip(("given", "middle", "family", "suffix"), current, strict=True)),
        "dob": date_value(pid, 7, problems),
        "sex": {"M": "M", "F": "F", "O": "X", "A": "X"}.get(field_value(pid, 8)[:1]),
        "ssn": field_value(pid, 19)
        or (
            None
            if is_deleted(pid, 19)
            else next((value for kind, _, value in numbers if kind == "ssn"), None)
        ),
        **dict(zip(("address", "city", "state", "zip"), homes[0] if homes else (None,) * 4, strict=True)),
        "phone": phones[0] if phones else None,
        "mother_maiden": field_value(pid, 6) or None,
        "deceased": date_value(pid, 29, problems),
        "birth_order": order if re.fullmatch("[1-9]", order := field_value(pid, 25)) else None,
    }
    others = [PatientAlias("identifier", number) for number in numbers if number is not mrn]
    others += (
        [PatientAlias("identifier", ("account", component_value(first_repetition(pid, 18), 4), account))]
        if account
        else []
    )
    others += [PatientAlias("name", (kind, *values)) for kind, values in aliases if any(values)]
    others += [PatientAlias("address", place) for place in homes[1:]] + [
        PatientAlias("phone", (number,)) for number in phones[1:]
    ]
    return PatientChange(
        patient=PatientUpdate(f"message {field_value(message.segment('MSH'), 10)}", row, tuple(others)),
        authority=mrn[1] if mrn else "",
        deleted=deleted_columns(pid, row),
        account=account or None,
    )


def deleted_columns(pid: Any, row: Mapping[str, str | None]) -> frozenset[str]:
    """Return the columns whose values a PID segment deletes. An address replaces the previous one as a whole,
    because a new street with the previous ZIP code would be wrong.
    """
    deleted = {column for column, field in DELETABLE_FIELDS.items() if is_deleted(pid, field)}
    if is_deleted(pid, 5) and len(first_repetition(pid, 5)) == 1:
        deleted |= {"given", "middle", "family", "suffix"}
    deleted |= {column for column, component in NAME_COMPONENTS.items() if is_deleted(pid, 5, component)}
    if is_deleted(pid, 11) or any(row[column] for column in ADDRESS_COLUMNS):
        deleted |= set(ADDRESS_COLUMNS)
    return frozenset(column for column in deleted if not row[column])


def date_value(pid: Any, field: int, problems: list[str]) -> str | None:
    """Return a date of a PID segment; None if there is none, or if it is impossible, which is reported."""
    stamp = field_value(pid, field)
    iso = to_iso_date(stamp)
    if stamp and iso is None:
        problems.append(f"PID-{field} is not a possible date and was ignored.")
    return iso


def prior_mrns(mrg: Any, assigning_authority: str) -> tuple[tuple[str, str], ...]:
    """Return (authority, MRN) of the prior MRNs in MRG-1: those of type MR, otherwise the first untyped."""
    numbers = identifiers(mrg, 1)
    typed = [
        (authority, value)
        for kind, authority, value in numbers
        if kind == "mrn" and (not assigning_authority or authority == assigning_authority)
    ]
    untyped = local_mrn(numbers, assigning_authority)
    return tuple(dict.fromkeys(typed or ([untyped[1:]] if untyped else [])))


def identifiers(segment: Any, number: int) -> list[tuple[str, str, str]]:
    """Return (kind, assigning authority, value) of each identifier of a field."""
    return [
        (
            IDENTIFIER_KINDS.get(component_value(repetition, 5), "other"),
            authority_name(repetition, assigned_by=4),
            value,
        )
        for repetition in repetitions(segment, number)
        if (value := component_value(repetition, 1))
    ]


def authority_name(repetition: Any, assigned_by: int) -> str:
    """Return the namespace of a hierarchic designator, otherwise its universal ID."""
    name = component_value(repetition, assigned_by)
    if name or len(repetition) < assigned_by or isinstance(repetition[assigned_by - 1], str):
        return name
    parts = repetition[assigned_by - 1]
    return str(parts[1]).strip() if len(parts) > 1 else ""


def local_mrn(numbers: list[tuple[str, str, str]], assigning_authority: str) -> tuple[str, str, str] | None:
    """Return the identifier that is the index's MRN: the first of type MR, otherwise the first untyped one.

    If an assigning authority is set, only its identifiers count."""
    own = [n for n in numbers if n[1] == assigning_authority] if assigning_authority else numbers
    return next((n for n in own if n[0] == "mrn"), next((n for n in own if n[0] == "other"), None))


def parse_xpn(repetition: Any) -> tuple[str | None, tuple[str | None, ...]]:
    """Return (kind, (given, middle, family, suffix)) of an XPN; the kind of the legal name is None."""
    values = tuple(component_value(repetition, n) or None for n in (2, 3, 1, 4))
    return NAME_KINDS.get(component_value(repetition, 7)), values


def parse_xad(repetition: Any) -> tuple[str | None, ...]:
    """Return (address, city, state, zip) of an XAD."""
    street = " ".join(filter(None, (component_value(repetition, 1), component_value(repetition, 2))))
    return (street or None, *(component_value(repetition, n) or None for n in (3, 4, 5)))


def parse_xtn(repetition: Any) -> str | None:
    """Return the phone number of an XTN: its text, otherwise area code and local number."""
    return (
        component_value(repetition, 1)
        or component_value(repetition, 6) + component_value(repetition, 7)
        or None
    )


def to_iso_date(stamp: str) -> str | None:
    """Return the ISO date of an HL7 time stamp, with the same precision; None if it is not a possible date of
    a birth or death.
    """
    match = re.match(r"(\d{4})(?:(\d\d)(\d\d)?)?", stamp)
    if match is None or len(LEADING_DIGITS.findall(stamp)[0]) in (5, 7):
        return None
    year, month, day = match.groups()
    try:
        first_day = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None
    if not first_day.year >= EARLIEST_YEAR or first_day > date.today() + MAX_CLOCK_ERROR:
        return None
    return "-".join(filter(None, (year, month, day)))
