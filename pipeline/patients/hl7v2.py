"""Read patients from HL7 v2 ADT messages: the patient's data, and the requested action."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import hl7

from pipeline.errors import InvalidInput
from pipeline.patients.encounters import EVENTS, EncounterUpdate, encounter_from_hl7, parse_time
from pipeline.patients.hl7_segments import (
    component_value,
    decode_hexadecimal,
    field_value,
    find_segment,
    first_repetition,
    is_deleted,
    repetitions,
)
from pipeline.patients.patient_record import PatientAlias, PatientUpdate

UPDATE_EVENTS = frozenset(
    (
        "A01", "A02", "A03", "A04", "A05", "A06", "A07", "A08", "A11", "A12", "A13", "A14", "A17", "A28",
        "A31", "A38", "A45", "A50",
    )
)  # fmt: skip
MERGE_EVENTS = frozenset(("A18", "A30", "A34", "A36", "A39", "A40"))
RENUMBERING_EVENTS = frozenset(("A46", "A47"))
ACCOUNT_EVENTS = frozenset(("A35", "A36", "A41"))
"""Events that replace an account number (MRG-3) by another (PID-18)."""
VISIT_EVENTS = frozenset(("A45", "A50"))
UNSUPPORTED_EVENTS = frozenset(("A23", "A24", "A29", "A37", "A42", "A43", "A44", "A48", "A49", "A51"))
"""Events that change who a patient or a visit is in a way that a person must do."""
CHARACTER_SETS = {
    "": "", "ASCII": "ascii", "UNICODE UTF-8": "utf-8", "UNICODE": "utf-8", "UTF-8": "utf-8",
    "8859/1": "latin-1", **{f"8859/{n}": f"iso8859-{n}" for n in (2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR6": "ascii", "ISO IR14": "shift_jis", "ISO IR87": "iso2022_jp", "ISO IR159": "iso2022_jp_2",
    "GB 18030-2000": "gb18030", "KS X 1001": "euc_kr", "BIG-5": "big5",
}  # fmt: skip
"""MSH-18 (HL7 table 0211) and the codec of each character set."""
EARLIEST_YEAR = 1800  # of a birth or death
MAX_CLOCK_ERROR = timedelta(days=1)  # a message from further in the future is taken as sent now
Action = Literal["update", "merge", "renumber", "account", "none"]
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
MESSAGE_START = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?=(?:\xef\xbb\xbf)?MSH[^\r\n\w])")
BATCH_SEGMENT = re.compile(rb"(?:^|(?<=[\r\n\x0b]))(?:\xef\xbb\xbf)?(?:FHS|BHS|BTS|FTS)\b[^\r\n]*[\r\n]*")
LEADING_DIGITS = re.compile(r"^\d*")
PRECISE_DIGITS = 12  # of a time to the minute
FRAMING_BYTES = b"\xef\xbb\xbf\x0b\x1c\r\n\t "


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """An ADT message. `sent_at` is when the event was recorded, `problems` are values that are ignored."""

    sender: str
    control_id: str
    event: str
    sha256: str
    action: Action
    sent_at: datetime | None = None
    processing_id: str = ""
    changes: tuple[PatientChange, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def patient(self) -> PatientUpdate | None:
        """The first patient; None if the message is not about one."""
        return self.changes[0].patient if self.changes else None


def split_messages(file: Path) -> Iterator[bytes]:
    """Yield the messages of a file, each beginning at its MSH segment, with or without MLLP frames."""
    yield from split_batch(file.read_bytes())


def split_batch(data: bytes) -> list[bytes]:
    """Return the messages in a file or frame, without the segments of batches (FHS, BHS, BTS, FTS)."""
    data = BATCH_SEGMENT.sub(b"", data)
    return [body for part in MESSAGE_START.split(data) if (body := part.strip(FRAMING_BYTES))]


def header_fields(body: bytes) -> list[str]:
    """Return the fields of the MSH segment, with MSH-3 at index 2; missing ones are empty."""
    line = re.split(r"[\r\n]", body.lstrip(FRAMING_BYTES).decode("latin-1").replace("\0", " "), maxsplit=1)[0]
    is_header = line.startswith("MSH") and len(line) > 3
    return (line.split(line[3]) if is_header else []) + [""] * 19


def decode_message(body: bytes) -> str:
    """Return a message's text in the character set of MSH-18, with hexadecimal sequences in UTF-8.

    A message that names no character set, or one that its bytes do not fit, is read as UTF-8 or else Latin-1.

    Raises:
        InvalidInput: if the character set is unknown.
    """
    head = header_fields(body)
    name = head[17].partition(head[1][1:2] or "~")[0].strip().upper()
    if name not in CHARACTER_SETS:
        raise InvalidInput(
            f"The character set {name[:40]} (MSH-18) is not supported.",
            "Send UNICODE UTF-8.",
            "character_set",
        )
    data = body.strip(FRAMING_BYTES)
    for codec in filter(None, (CHARACTER_SETS[name], "utf-8", "latin-1")):
        try:
            text = data.decode(codec)
        except UnicodeDecodeError:
            continue
        break
    escape = head[1][2:3] or "\\"
    hexadecimal = re.compile(rf"(?:{re.escape(escape)}X(?:[0-9A-Fa-f]{{2}})+{re.escape(escape)})+")
    text = hexadecimal.sub(
        lambda match: (
            f"{escape}X{decode_hexadecimal(match[0], escape, codec).encode().hex().upper()}{escape}"
        ),
        text,
    )
    return text.replace("\r\n", "\r").replace("\n", "\r")


def parse_message(body: bytes, assigning_authority: str = "") -> Message:
    """Return the contents of a message.

    Args:
        body: the message, in the character set of MSH-18, otherwise in UTF-8 or Latin-1.
        assigning_authority: the authority whose medical record numbers are the index's MRNs; "": the first
            number of type MR is the MRN.

    Raises:
        InvalidInput: if it is not an HL7 v2 message, or lacks what its event requires.
    """
    text = decode_message(body)
    try:
        parsed = hl7.parse(text)
        head = parsed.segment("MSH")
        kind, event = field_value(head, 9), field_value(head, 9, 2)
        sender, control = "|".join((field_value(head, 3), field_value(head, 4))), field_value(head, 10)
        evn = find_segment(parsed, "EVN")
    except (hl7.HL7Exception, KeyError, IndexError, ValueError, AttributeError) as error:
        raise InvalidInput(
            f"Not an HL7 v2 message: {type(error).__name__}.", "Send messages that begin with MSH.", "not_hl7"
        ) from None
    if not control:
        raise InvalidInput(
            "The message has no control ID (MSH-10).",
            "Give every message its own control ID.",
            "no_control_id",
        )
    if kind == "ADT" and not event:
        event = field_value(evn, 1) if evn is not None else ""
    message = Message(
        sender=sender,
        control_id=control,
        event=f"{kind}^{event}",
        sha256=hashlib.sha256(body.strip(FRAMING_BYTES)).hexdigest(),
        action=action_for_event(event) if kind == "ADT" else "none",
        sent_at=message_time(head, evn),
        processing_id=field_value(head, 11) or "P",
    )
    if message.processing_id != "P":
        return replace(message, action="none")
    if kind == "ADT" and (event in UNSUPPORTED_EVENTS or not event):
        raise InvalidInput(
            f"The event {event or '(none)'} is not applied automatically.",
            "Make this change in Chartloom by hand.",
            "unsupported_event",
        )
    if message.action == "none":
        return message
    problems: list[str] = []
    changes = tuple(
        change_from_hl7(hl7.parse(group), event, message, assigning_authority, problems)
        for group in patient_groups(text, head.separator)
    )
    return replace(message, changes=changes, problems=tuple(problems))


def patient_groups(text: str, separator: str) -> list[str]:
    """Return one message for each patient: the segments of its group and the header.

    A group begins at PID. A further MRG or PV1 segment in it is about the same patient."""
    names = [(line.split(separator, 1)[0], line) for line in text.split("\r")]
    head = [line for name, line in names if name in ("MSH", "EVN")]
    groups: list[dict[str, str]] = []
    for name, line in names:
        if name == "PID":
            groups.append({name: line})
        elif name in ("MRG", "PV1") and groups:
            if name in groups[-1]:
                groups.append({"PID": groups[-1]["PID"]})
            groups[-1][name] = line
    return ["\r".join((*head, *group.values())) for group in groups] or ["\r".join(head)]


def change_from_hl7(
    group: Any, event: str, message: Message, assigning_authority: str, problems: list[str]
) -> PatientChange:
    """Return what a group of segments says of its patient.

    Args:
        problems: receives a description of each value that is ignored.

    Raises:
        InvalidInput: if the group lacks what its event requires.
    """
    control, action = message.control_id, message.action
    change = patient_from_hl7(group, assigning_authority, problems)
    mrn = change.patient.row["mrn"]
    if not mrn:
        raise InvalidInput(
            f"The message {control} has no patient identifier (PID-3).",
            "Send the MRN in PID-3.",
            "no_identifier",
        )
    mrg = find_segment(group, "MRG")
    if mrg is not None and action != "update":
        change = replace(change, priors=prior_mrns(mrg, assigning_authority))
    if action in ("merge", "renumber") and not any(prior != mrn for _, prior in change.priors):
        raise InvalidInput(
            f"The message {control} does not name another prior identifier (MRG-1).",
            "Send it in MRG-1.",
            "no_prior",
        )
    if event in ACCOUNT_EVENTS:
        former = field_value(mrg, 3) if mrg is not None else ""
        change = replace(change, former_account=former or None)
        if action == "account" and not (former and change.account):
            raise InvalidInput(
                f"The message {control} does not name both account numbers.",
                "Send them in PID-18 and MRG-3.",
                "no_prior",
            )
    if event in EVENTS:
        change = replace(change, encounter=encounter_from_hl7(group, event))
    if event in VISIT_EVENTS and (
        change.encounter is None or (event == "A50" and not change.encounter.formerly)
    ):
        raise InvalidInput(
            f"The message {control} does not name the visit.",
            "Send its number in PV1-19 and the previous one in MRG-5.",
            "no_visit",
        )
    return change


def action_for_event(event: str) -> Action:
    """Return the action that an event requests; "none" if it does not concern the patient's identity."""
    if event in MERGE_EVENTS:
        return "merge"
    if event in ACCOUNT_EVENTS:
        return "account"
    return "update" if event in UPDATE_EVENTS else "renumber" if event in RENUMBERING_EVENTS else "none"


def message_time(head: Any, evn: Any | None) -> datetime | None:
    """Return when the event was recorded (EVN-2), or when the message was sent (MSH-7) if that is more
    precise; None if the message has neither. A time without a UTC offset is local time.
    """
    stamps = [field_value(evn, 2) if evn is not None else "", field_value(head, 7)]
    times = [(len(LEADING_DIGITS.findall(stamp)[0]), stamp) for stamp in stamps]
    stamp = max(times, key=lambda time: min(time[0], PRECISE_DIGITS))[1]
    at = parse_time(stamp)
    if at is None:
        return None
    if offset := re.search(r"[+-]\d{4}$", stamp):
        at = at.replace(tzinfo=datetime.strptime(offset[0], "%z").tzinfo)
    if fraction := re.search(r"\.(\d{1,6})", stamp):
        at = at.replace(microsecond=int(fraction[1].ljust(6, "0")))
    now = datetime.now(UTC)
    at = at.astimezone(UTC)
    return at if at <= now + MAX_CLOCK_ERROR else now


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
    """Return the ISO date of an HL7 time stamp, with the same precision; None if it is no possible date of a
    birth or death.
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
