"""Hundreds of ADT messages with batches, merges, resends, reordering and deleted values: the index equals a
model of the standard, message by message.

STORM_MESSAGES sets the number of messages, STORM_SEED another sequence of them:

    STORM_MESSAGES=5000 STORM_SEED=2 python -m pytest tests/integration/test_patients_adt_storm.py
"""

from __future__ import annotations

import os
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

import pytest

from pipeline.patients.adt import process_message
from pipeline.store.database import Connection

MESSAGES = int(os.environ.get("STORM_MESSAGES", "300"))
SEED = int(os.environ.get("STORM_SEED", "1"))
PEOPLE = (  # family name, given name, birth date
    ("GARCIA", "SUSAN", "1964-09-29"),
    ("WIELGOSZ", "TOMASZ", "1971-12-30"),
    ("OKAFOR", "MARTHA", "1956-08-03"),
    ("LINDQVIST", "BERTIL", "1988-02-14"),
    ("NAKAMURA", "HIROSHI", "1949-05-21"),
    ("BEAUMONT", "ODETTE", "2003-11-07"),
)
NUMBERS_PER_PERSON = 5
FIELDS = {"mother_maiden": 6, "sex": 8, "phone": 13, "ssn": 19}
VALUES = {
    "mother_maiden": ("ROE", "DOE"),
    "sex": ("F", "M"),
    "phone": ("5550001", "5550002"),
    "ssn": ("900-00-0001",),
}


@dataclass
class Record:
    """A patient of the model: values by column, each with its time."""

    mrn: str
    person: int
    values: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    merged_into: str | None = None


class Rejected(Exception):
    """A message that the standard does not let a machine apply."""


@dataclass(frozen=True)
class Group:
    """One patient of a message. `fields`: the values that it reports; None deletes one."""

    mrn: str
    fields: tuple[tuple[str, str | None], ...]
    priors: tuple[str, ...] = ()

    @property
    def person(self) -> int:
        return int(self.mrn) // 100 % 100

    def segments(self) -> list[str]:
        family, given, dob = PEOPLE[self.person]
        values = dict(self.fields)
        places = [""] * 20
        places[1], places[3], places[5], places[7] = (
            "1",
            f"{self.mrn}^^^H^MR",
            f"{family}^{given}",
            dob.replace("-", ""),
        )
        for name, number in FIELDS.items():
            if name in values:
                places[number] = '""' if values[name] is None else str(values[name])
        lines = ["|".join(("PID", *places[1:]))]
        if self.priors:
            lines.append("MRG|" + "~".join(f"{prior}^^^H^MR" for prior in self.priors))
        return lines


@dataclass
class Model:
    """The index as the standard has it."""

    records: dict[str, Record] = field(default_factory=dict)
    former: dict[str, str] = field(default_factory=dict)
    done: set[bytes] = field(default_factory=set)

    def find(self, mrn: str) -> Record | None:
        return self.records.get(self.former.get(mrn, mrn)) if mrn not in self.records else self.records[mrn]

    def receive(self, body: bytes, time: int, groups: tuple[Group, ...]) -> str:
        if body in self.done:
            return "ignored"
        before = deepcopy((self.records, self.former))
        try:
            for group in groups:
                self.apply(time, group)
        except Rejected:
            self.records, self.former = before
            return "rejected"
        self.done.add(body)
        return "applied"

    def apply(self, time: int, group: Group) -> None:
        priors = {prior: self.find(prior) for prior in group.priors}
        record = self.find(group.mrn)
        if any(found is not None and found.person != group.person for found in (record, *priors.values())):
            raise Rejected
        if record is None:
            record = self.records[group.mrn] = Record(group.mrn, group.person)
        for name, value in group.fields:
            if record.values.get(name, (0, None))[0] <= time:
                record.values[name] = (time, value)
        for number, prior in priors.items():
            if prior is None:
                self.former[number] = record.mrn
            else:
                self.merge(prior, record)

    def merge(self, loser: Record, survivor: Record) -> None:
        living = {survivor.mrn, survivor.merged_into} - {None}
        if loser is survivor or loser.merged_into in living:
            return
        if loser.merged_into or survivor.merged_into:
            raise Rejected
        for record in self.records.values():
            if record.merged_into == loser.mrn:
                record.merged_into = survivor.mrn
        loser.merged_into = survivor.mrn

    def content(self) -> dict[str, tuple[str | None, ...]]:
        """Values and survivor by MRN."""
        return {
            record.mrn: (
                *PEOPLE[record.person],
                *(record.values.get(name, (0, None))[1] for name in FIELDS),
                record.merged_into,
            )
            for record in self.records.values()
        }


def index_content(connection: Connection) -> dict[str, tuple[str | None, ...]]:
    rows = connection.execute("""
        select p.mrn, p.family, p.given, p.dob, p.mother_maiden, p.sex, p.phone, p.ssn, s.mrn as survivor
        from patient p left join patient s on s.id = p.merged_into""")
    return {row["mrn"]: tuple(row.values())[1:] for row in rows}


def a_number(random: Random, person: int) -> str:
    return str(700_000 + person * 100 + random.randrange(NUMBERS_PER_PERSON))


def a_group(random: Random, event: str) -> Group:
    person = random.randrange(len(PEOPLE))
    names = random.sample(sorted(FIELDS), random.randrange(len(FIELDS) + 1))
    fields = tuple((name, random.choice((*VALUES[name], None))) for name in names)
    mrn = a_number(random, person)
    if event != "A40":
        return Group(mrn, fields)
    other = person if random.random() < 0.8 else random.randrange(len(PEOPLE))  # or a merge of two people
    priors = {a_number(random, other) for _ in range(random.choice((1, 1, 2)))} - {mrn}
    return Group(mrn, fields, tuple(sorted(priors))) if priors else a_group(random, event)


def a_message(random: Random, number: int) -> tuple[bytes, int, tuple[Group, ...]]:
    """A message, sent up to a minute before or after its place in the order."""
    event = "A40" if random.random() < 0.2 else random.choice(("A28", "A08", "A31"))
    groups = tuple(a_group(random, event) for _ in range(random.choice((1, 1, 1, 2, 3))))
    time = number + random.randrange(-60, 61)
    clock = f"20260101{10 + time // 3600:02}{time // 60 % 60:02}{time % 60:02}"
    lines = [f"MSH|^~\\&|ADT|H|CL|H|{clock}||ADT^{event}|{number}|P|2.5"]
    lines += [line for group in groups for line in group.segments()]
    return "\r".join(lines).encode() + b"\r", time, groups


@pytest.mark.timeout(1800)  # for thousands of messages; 300 take some seconds
def test_the_index_equals_the_model_after_every_frame(connection: Connection) -> None:
    random, model = Random(SEED), Model()
    sent: list[tuple[bytes, int, tuple[Group, ...]]] = []
    counts = dict.fromkeys(("applied", "ignored", "rejected"), 0)
    while len(sent) < MESSAGES:
        if sent and random.random() < 0.15:
            frame = [random.choice(sent)]  # sent again
        else:
            frame = [a_message(random, 100 + len(sent) + n) for n in range(random.choice((1, 1, 1, 1, 4)))]
            sent += frame
        statuses = [model.receive(*message) for message in frame]
        for status in statuses:
            counts[status] += 1
        bodies = [body for body, _, _ in frame]
        batch = [b"BHS|^~\\&|ADT\r", *bodies, b"BTS|%d\r" % len(bodies)] if len(bodies) > 1 else bodies
        result = process_message(connection, b"".join(batch))
        assert (result.status == "rejected") == ("rejected" in statuses), (bodies, result)
        assert index_content(connection) == model.content(), bodies
    assert min(counts.values()) > MESSAGES / 50, counts
    former = connection.execute("""
        select i.value, p.mrn from patient_identifier i join patient p on p.id = i.patient_id
        where i.kind = 'mrn' and i.facility = 'former'""")
    assert {row["value"]: row["mrn"] for row in former} == model.former
