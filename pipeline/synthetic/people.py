"""Fictitious patients: names from the project's own lists; birth dates, addresses and record numbers that
belong to no one.

About a tenth are near-twins on purpose (siblings born on the same day, father and son, a record number that
differs in one digit, the same name with another birth date), which matching must not confuse.
"""

from __future__ import annotations

import csv
import random
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

NAMES = Path(__file__).parent / "phrases" / "names.toml"
NEAR_TWIN_SHARE = 0.1  # share of patients who are near-twins of another
FICTION_PREFIX = "555-01"  # telephone numbers reserved for fiction


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """A row of patients.csv; dates are ISO."""

    id: str
    mrn: str
    given: str
    middle: str
    family: str
    suffix: str
    dob: str
    sex: str
    address: str
    city: str
    state: str
    zip: str
    phone: str

    @property
    def born(self) -> date:
        return date.fromisoformat(self.dob)


def patients(count: int, seed: int) -> list[Patient]:
    """Return `count` patients with unique record numbers; the same seed returns the same patients."""
    rng = random.Random(f"patients {seed}")
    people: list[Patient] = []
    taken: set[str] = set()
    while len(people) < count:
        row = len(people) + 1
        person = (
            _twin(rng, rng.choice(people), row)
            if people and rng.random() < NEAR_TWIN_SHARE
            else _person(rng, row)
        )
        if person.mrn not in taken:
            taken.add(person.mrn)
            people.append(person)
    return people


def write_patients(people: Sequence[Patient], path: Path) -> None:
    """Write the patients as CSV with a header row, in the order of the fields of Patient."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, [f.name for f in fields(Patient)], lineterminator="\n")
        out.writeheader()
        out.writerows(asdict(p) for p in people)


def _person(rng: random.Random, row: int) -> Patient:
    sex = rng.choice("FM")
    town, state = rng.choice(_names("town")).split(", ")
    born = date(1928, 1, 1) + timedelta(days=int(rng.triangular(0, 35_000, 16_000)))
    unit = rng.choice(["", "", "", f" Apt {rng.randint(1, 40)}", f" Unit {rng.choice('ABCD')}"])
    return Patient(
        id=f"S{row:06d}",
        mrn=str(rng.randint(1_000_000, 9_999_999)),
        given=_given(rng, sex),
        middle=rng.choice(["", _given(rng, sex), _given(rng, sex)[0]]),
        family=rng.choice(_names("family")),
        suffix=rng.choice(["Jr", "Sr", "III"]) if sex == "M" and rng.random() < 0.06 else "",
        dob=born.isoformat(),
        sex=sex,
        address=(
            f"{rng.randint(1, 9800)} {rng.choice(_names('street'))} {rng.choice(_names('street_kind'))}{unit}"
        ),
        city=town,
        state=state,
        zip=f"{rng.randint(1001, 99_950):05d}",
        phone=f"({rng.randint(201, 989)}) {FICTION_PREFIX}{rng.randint(0, 99):02d}",
    )


def _twin(rng: random.Random, other: Patient, row: int) -> Patient:
    """Return a patient who is easily mistaken for `other`."""
    fresh = _person(rng, row)
    kind = rng.choice(("sibling", "namesake", "junior", "number"))
    if kind == "sibling":
        home = {k: getattr(other, k) for k in ("address", "city", "state", "zip", "phone")}
        return replace(fresh, family=other.family, dob=other.dob, suffix="", **home)
    if kind == "namesake":
        return replace(fresh, given=other.given, family=other.family, sex=other.sex)
    if kind == "junior" and other.sex == "M" and not other.suffix:
        older = other.born - timedelta(days=rng.randint(8_000, 12_000))
        return replace(
            fresh, given=other.given, family=other.family, sex="M", suffix="Sr", dob=older.isoformat()
        )
    place = rng.randrange(1, len(other.mrn))
    digit = str((int(other.mrn[place]) + rng.randint(1, 9)) % 10)
    return replace(fresh, mrn=other.mrn[:place] + digit + other.mrn[place + 1 :])


def _given(rng: random.Random, sex: str) -> str:
    return rng.choice(_names("given_female" if sex == "F" else "given_male"))


@cache
def _names(kind: str) -> tuple[str, ...]:
    return tuple(tomllib.loads(NAMES.read_text(encoding="utf-8"))[kind])
