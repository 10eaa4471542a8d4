"""Compose a document of a type about a patient: its title, the printed patient data, and its blocks."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pipeline.synthetic.grammar import expand, expand_some, forms, variants
from pipeline.synthetic.page_blocks import Block, Checks, Heading, Pairs, Signature, Table, Text, block_lines
from pipeline.synthetic.people import Patient
from pipeline.synthetic.rows import make_table

NAME_FORMS = (
    "{family}, {given} {m}",
    "{family}, {given}",
    "{family}{suffix_}, {given} {m}",
    "{given} {m} {family}{suffix_}",
    "{FAMILY}, {GIVEN} {M}",
    "{GIVEN} {FAMILY}",
    "{FAMILY},{GIVEN} {M}",
    "{given} {family}{suffix_}",
    "{family}, {given} {middle}",
)
DATE_FORMS = (
    "%m/%d/%Y",
    "%m/%d/%y",
    "%m-%d-%Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%Y-%m-%d",
    "%m/%d/%Y",
    "%b %d, %Y",
)
BIRTH_FORMS = ("%m/%d/%Y", "%m/%d/%Y", "%m/%d/%y", "%m-%d-%Y", "%d-%b-%Y", "%B %d, %Y", "%Y-%m-%d")
SIGNERS = {
    "physician": ("Signed", "Dictated by", "Electronically signed by", "Physician signature", "Attending"),
    "radiologist": ("Interpreted by", "Radiologist", "Electronically signed by"),
    "pathologist": ("Pathologist", "Signed out by", "Electronically signed by"),
    "psychiatrist": ("Psychiatrist", "Evaluator", "Electronically signed by"),
    "nurse": ("Signature", "RN signature", "Nurse", "Reviewed by"),
    "patient": ("Signature of patient or representative", "Patient signature", "Signed"),
    "witness": ("Witness", "Witness signature", "Witnessed by"),
    "clerk": ("Claims representative", "Provider relations", "Office manager"),
}
STATES = {
    "OH": "OHIO",
    "PA": "PENNSYLVANIA",
    "MI": "MICHIGAN",
    "NY": "NEW YORK",
    "TX": "TEXAS",
    "CA": "CALIFORNIA",
    "WI": "WISCONSIN",
}
ICD = (
    "I10",
    "E11.9",
    "M54.5",
    "J44.1",
    "N39.0",
    "K80.20",
    "M17.11",
    "I50.9",
    "F32.9",
    "G47.33",
    "J18.9",
    "R07.9",
    "S72.001A",
    "C50.911",
)
SECTION_ROUNDS = (
    1,
    1,
    1,
    1,
    1,
    1,
    2,
    2,
    3,
    5,
)  # repetitions of each part: most documents fill a page, some several
MISPRINT_SHARE = 0.03  # share of documents on which one of name, birth date, record number is printed wrongly


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticDocument:
    """A document before it is set on pages. `printed` holds what stands on it of the patient (None: not
    printed). `variant`: which of the forms of its type it is.
    """

    type: str
    title: str
    patient: Patient | None
    facility: str
    date: date
    printed: Mapping[str, str | None]
    misprinted: str | None
    facts: Mapping[str, str]
    blocks: tuple[Block, ...]
    variant: int = 0

    @property
    def text(self) -> str:
        """The title and blocks as plain text, without the parts that a layout adds."""
        lines = [self.title, *(line for block in self.blocks for line in block_lines(block))]
        return "\n".join(line for line in lines if line)


def types() -> tuple[str, ...]:
    """Return the document types that can be generated."""
    return tuple(forms())


def documents(
    people: Sequence[Patient], count: int, seed: int, kinds: Sequence[str] = ()
) -> Iterator[SyntheticDocument]:
    """`count` documents of the given types (all, where none are given), about patients drawn from
    `people`.
    """
    rng = random.Random(f"documents {seed}")
    for _ in range(count):
        yield document(rng, rng.choice(kinds or types()), rng.choice(people))


def document(rng: random.Random, kind: str, patient: Patient) -> SyntheticDocument:
    """Return a document of that type about that patient; a fax cover, for example, may name no one."""
    variant = rng.randrange(len(variants()[kind]))
    form = variants()[kind][variant]
    shown = None if rng.random() < form.get("anonymous", 0.0) else patient
    day = date(2009, 1, 1) + timedelta(days=rng.randint(0, 5900))
    day = max(day, patient.born + timedelta(days=30))
    facts = _facts(rng, patient, day)
    title = expand(rng, rng.choice(form["titles"]), facts)
    printed, wrong = _printed(rng, patient) if shown else ({"name": None, "dob": None, "mrn": None}, None)
    facts |= {"name": printed["name"] or "the patient", "dob": printed["dob"] or ""}
    rounds = 1 if form.get("brief") else rng.choice(SECTION_ROUNDS)
    blocks = tuple(b for section in form["sections"] for b in _section(rng, section, facts, day, rounds))
    return SyntheticDocument(
        type=kind,
        title=title,
        patient=shown,
        facility=expand(rng, "[facility]", facts),
        date=day,
        printed=printed,
        misprinted=wrong,
        facts=facts,
        blocks=blocks,
        variant=variant,
    )


def _facts(rng: random.Random, patient: Patient, day: date) -> dict[str, str]:
    form = rng.choice(DATE_FORMS)
    woman = patient.sex == "F"
    age = max(0, (day - patient.born).days // 365)
    facts = {
        "given": patient.given,
        "family": patient.family,
        "sex": patient.sex,
        "age": str(max(1, age)),
        "sex_word": ("girl" if woman else "boy")
        if age < 16
        else rng.choice(("female", "woman") if woman else ("male", "man", "gentleman")),
        "he": "she" if woman else "he",
        "his": "her" if woman else "his",
        "him": "her" if woman else "him",
        "He": "She" if woman else "He",
        "His": "Her" if woman else "His",
        "himself": "herself" if woman else "himself",
        "title_name": rng.choice((f"{'Ms.' if woman else 'Mr.'} {patient.family}", "the patient")),
        "address": patient.address,
        "city": patient.city,
        "state": patient.state,
        "zip": patient.zip,
        "phone": patient.phone,
        "state_name": STATES.get(patient.state, patient.state),
        "date": day.strftime(form),
        "date_form": form,
        "admitted": (day - timedelta(days=rng.randint(1, 12))).strftime(form),
        "earlier": (day - timedelta(days=rng.randint(60, 900))).strftime(form),
        "printed": (day + timedelta(days=rng.randint(0, 9))).strftime(form),
        "expires": (day + timedelta(days=rng.randint(60, 1400))).strftime(form),
        "account": f"{rng.choice('AVH')}{rng.randint(10**7, 10**8 - 1)}",
        "accession": f"{rng.choice('LXRM')}{rng.randint(10**5, 10**7)}",
        "member": f"{rng.choice(('W', 'XKR', 'ZGP', 'H', ''))}{rng.randint(10**8, 10**9 - 1)}",
        "group": str(rng.randint(10_000, 999_999)),
        "license": f"{rng.choice('ABDKS')}{rng.randint(10**6, 10**8)}",
        "icd": rng.choice(ICD),
        "name": "",
        "dob": "",
    }
    return facts | {"author": expand(rng, "[doctor]", facts)}


def _printed(rng: random.Random, patient: Patient) -> tuple[dict[str, str | None], str | None]:
    """Name, birth date and record number as this document prints them, and which of them is printed wrongly,
    if any.
    """
    wrong = rng.choice(("name", "dob", "mrn")) if rng.random() < MISPRINT_SHARE else None
    born = patient.born + timedelta(days=rng.choice((-1, 1, 10, 365))) if wrong == "dob" else patient.born
    number = (
        patient.mrn[:2] + patient.mrn[3] + patient.mrn[2] + patient.mrn[4:] if wrong == "mrn" else patient.mrn
    )
    family = (
        patient.family[:-1] + ("e" if patient.family[-1] != "e" else "s")
        if wrong == "name"
        else patient.family
    )
    number = rng.choice(
        (number, number, number, f"{number[:3]}-{number[3:]}", f"{number[:3]} {number[3:]}", f"0{number}")
    )
    parts = {
        "family": family,
        "given": patient.given,
        "middle": patient.middle,
        "m": patient.middle[:1],
        "suffix_": f" {patient.suffix}" if patient.suffix else "",
    }
    parts |= {"FAMILY": family.upper(), "GIVEN": patient.given.upper(), "M": patient.middle[:1].upper()}
    name = rng.choice(NAME_FORMS).format(**parts).strip()
    return {"name": name, "dob": born.strftime(rng.choice(BIRTH_FORMS)), "mrn": number}, wrong


def _section(
    rng: random.Random, section: Mapping[str, Any], facts: Mapping[str, str], day: date, rounds: int
) -> Iterator[Block]:
    if rng.random() > section.get("chance", 1.0):
        return
    head = expand(rng, rng.choice(section.get("head", [""])), facts)
    if head:
        yield Heading(head)
    if section.get("letter"):
        yield Text(facts["date"])
        yield Text(expand(rng, "[doctor]", facts))
        yield Text(expand(rng, "[facility]", facts))
    if "fields" in section:
        yield Pairs(tuple(_fields(rng, section["fields"], section.get("keep", 99), facts)))
    if "table" in section:
        yield make_table(rng, section["table"], facts)
    if "grid" in section:
        yield _grid(rng, section["grid"], facts)
    if "checks" in section:
        low, high = section["n"]
        yield Checks(
            tuple((c, rng.random() < 0.4) for c in expand_some(rng, section["checks"], low, high, facts))
        )
    if "say" in section:
        low, high = section.get("n", [1, len(section["say"])])
        parts = [expand_some(rng, section["say"], low, high, facts) for _ in range(rounds if high > 1 else 1)]
        if section.get("as") == "list":
            dash = rng.choice(("", "", "- "))
            yield from (
                Text(line, dash or f"{i}.")
                for i, line in enumerate((line for part in parts for line in part), 1)
            )
        else:
            yield from (Text(" ".join(part)) for part in parts)
    if "sign" in section:
        yield _signature(rng, section["sign"], facts, day)


def _grid(rng: random.Random, grid: Mapping[str, Any], facts: Mapping[str, str]) -> Table:
    """Return a table of that many rows, each drawn from the template of a row."""
    columns = rng.choice(grid["columns"])
    template = grid["row"][: len(columns)]
    low, high = grid["n"]
    rows = [tuple(expand(rng, cell, facts) for cell in template) for _ in range(rng.randint(low, high))]
    return Table(tuple(columns), tuple(rows))


def _fields(
    rng: random.Random, fields: Mapping[str, str], keep: int, facts: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    chosen = sorted(rng.sample(range(len(fields)), min(keep, len(fields))))
    entries = list(fields.items())
    for i in chosen:
        labels, value = entries[i]
        yield rng.choice(labels.split("|")), expand(rng, value, facts) if value else ""


def _signature(rng: random.Random, who: str, facts: Mapping[str, str], day: date) -> Signature:
    names = {
        "nurse": "[nurse]",
        "patient": "",
        "witness": rng.choice(("", "[nurse]")),
        "clerk": "[doctor_first] [doctor_last]",
    }
    name = expand(rng, names.get(who, facts["author"]), facts)
    later = (day + timedelta(days=rng.randint(0, 6))).strftime(facts["date_form"])
    return Signature(rng.choice(SIGNERS[who]), name, later if rng.random() < 0.6 else "")
