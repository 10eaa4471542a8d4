"""The facts of a form page: a fictitious person with a name of one of several origins, numbers, dates, and
the other people and numbers that forms print in addition to the patient's.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from pipeline.synthetic.grammar import PHRASES, expand

FIELDS = ("patient_name", "dob", "mrn", "member_id", "date_of_service")
"""The index fields whose truth a form page has."""

NAME_FORMS = (
    "{family}, {given} {m}",
    "{family}, {given}",
    "{given} {m} {family}",
    "{given} {family}",
    "{given} {m}. {family}",
    "{family}, {given} {middle}",
    "{family},{given} {m}",
    "{family}{suffix}, {given} {m}",
    "{given} {family}{suffix}",
    "{family} {given}",
)
DATE_FORMS = (
    "%m/%d/%Y",
    "%m/%d/%Y",
    "%m/%d/%y",
    "%m-%d-%Y",
    "%d-%b-%Y",
    "%B %d, %Y",
    "%Y-%m-%d",
    "%b %d, %Y",
    "%m.%d.%Y",
    "%m %d %Y",
)
MRN_FORMS = ("{n}", "{n}", "{a}-{b}-{c}", "{a} {b} {c}", "0{n}", "M{n}", "{a}{b}-{c}", "MRN-{n}", "00{n}")
STREETS = ("Oak", "Elm", "Mill", "Church", "Park", "Washington")
STREET_KINDS = ("St", "Street", "Ave", "Road", "Lane")
TOWNS = ("Dunmore", "Kingsley", "Oak Brook", "Fairview", "Marion")
MEMBER_PREFIXES = ("W", "XKR", "ZGP", "H", "", "JQA", "U", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormSubject:
    """The person and the visit that a form page is about, and the other people on it.

    `mrn`, `member`: as printed. `relative`, `provider`: names of other people. `numbers`: other numbers by
    kind.
    """

    given: str
    middle: str
    family: str
    suffix: str
    sex: str
    born: date
    service: date
    mrn: str
    member: str
    relative: str
    relative_born: date
    provider: str
    facility: str
    address: str
    town: str
    phone: str
    numbers: dict[str, str]

    @property
    def age(self) -> int:
        """Years of age on the day of service."""
        day, born = self.service, self.born
        return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


@cache
def form_labels() -> dict[str, tuple[str, ...]]:
    """Return the printed labels by the fact that they ask for."""
    return _phrases("form_labels.toml")


@cache
def _phrases(name: str) -> dict[str, Any]:
    table = tomllib.loads((PHRASES / name).read_text(encoding="utf-8"))
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def form_subject(rng: random.Random, mrn_form: str) -> FormSubject:
    """Return a fictitious person. `mrn_form`: how the organization prints its record numbers."""
    origins: dict[str, dict[str, Sequence[str]]] = _phrases("form_names.toml")
    names = origins[rng.choice(list(origins))]
    other = origins[rng.choice(list(origins))]
    family = rng.choice(names["family"])
    born = date(1927, 1, 1) + timedelta(days=int(rng.triangular(0, 35_000, 17_000)))
    service = max(date(2008, 1, 1) + timedelta(days=rng.randint(0, 6500)), born + timedelta(days=20))
    digits = "".join(rng.choice("0123456789") for _ in range(6))
    number = rng.choice("123456789") + digits
    return FormSubject(
        given=rng.choice(names["given"]),
        middle=rng.choice(("", *(n for n in names["given"] if n.isalpha() and len(n) > 2))),
        family=family,
        suffix=rng.choice(("Jr", "Sr", "II", "III", "IV")) if rng.random() < 0.1 else "",
        sex=rng.choice("FM"),
        born=born,
        service=service,
        mrn=mrn_form.format(n=number, a=number[:2], b=number[2:4], c=number[4:]),
        member=rng.choice(MEMBER_PREFIXES)
        + "".join(rng.choice("0123456789") for _ in range(rng.choice((8, 9, 9, 11)))),
        relative=f"{rng.choice(other['given'])} {rng.choice((family, rng.choice(other['family'])))}",
        relative_born=born - timedelta(days=rng.randint(7000, 13_000)),
        provider=expand(rng, "[doctor]", {}),
        facility=expand(rng, "[facility]", {}),
        address=f"{rng.randint(1, 9800)} {rng.choice(STREETS)} {rng.choice(STREET_KINDS)}",
        town=f"{rng.choice(TOWNS)}, {rng.choice(('OH', 'PA', 'IL', 'TX'))} {rng.randint(10_000, 99_900)}",
        phone=f"({rng.randint(201, 989)}) 555-01{rng.randint(10, 99)}",
        numbers={
            "account": rng.choice(("V", "A", "", "H")) + str(rng.randint(10**7, 10**9)),
            "accession": rng.choice(("S25-", "L", "X", "")) + str(rng.randint(10**4, 10**7)),
            "group": str(rng.randint(10_000, 999_999)),
            "other_number": str(rng.randint(10**8, 10**10 - 1)),
            "ssn": f"9{rng.randint(10, 99)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
        },
    )


def print_name(subject: FormSubject, form: str, *, upper: bool) -> str:
    """Return the name in one of NAME_FORMS, without the gaps of parts that the person does not have."""
    suffix = f" {subject.suffix}" if subject.suffix else ""
    initial = subject.middle[:1]
    text = form.format(
        family=subject.family, given=subject.given, middle=subject.middle, m=initial, suffix=suffix
    )
    text = " ".join(text.replace(" . ", " ").split()).removesuffix(" .")
    return text.upper() if upper else text


def print_date(day: date, form: str) -> str:
    """Return the date as printed in one of DATE_FORMS."""
    return day.strftime(form)
