"""Form pages in many layouts, with the truth of their index fields: every family of layouts is a structure
with labels, typefaces and an order of its own.

The structures are divided into those for development, those that are left out, and those that are locked.
What is written or trained looks at the pages of the first alone.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from pipeline.synthetic.form_blocks import ARRANGEMENTS, Fact, FormPen, FormStyle
from pipeline.synthetic.form_pages import STRUCTURES
from pipeline.synthetic.form_parts import LEFT, RIGHT, TOP
from pipeline.synthetic.form_subject import (
    DATE_FORMS,
    FIELDS,
    MRN_FORMS,
    NAME_FORMS,
    FormSubject,
    form_labels,
    form_subject,
    print_date,
    print_name,
)
from pipeline.synthetic.grammar import expand
from pipeline.synthetic.page import HEIGHT, Face, PageCanvas

Split: TypeAlias = Literal["development", "left_out", "locked"]

VARIANTS = 3
"""Families of each structure."""

SHOWN_SHARE = {"dob": 0.9, "mrn": 0.85, "service": 0.7, "member": 0.25}
"""Share of families that print these facts; every family prints the name."""

EXTRA_KINDS = (
    "sex",
    "age",
    "account",
    "phone",
    "address",
    "provider",
    "insurer",
    "guarantor",
    "other_birth",
    "other_date",
    "other_number",
    "accession",
    "ssn",
    "group",
)
"""Other facts of which a family prints some."""

FACES: tuple[Face, ...] = ("sans", "sans", "serif", "mono", "narrow")

FOOT = HEIGHT - 230
"""Lowest line of the text, in 1/200 inch."""


@dataclass(frozen=True, slots=True)
class LayoutFamily:
    """A structure in one of its variants."""

    structure: str
    variant: int

    @property
    def name(self) -> str:
        return f"{self.structure}-{self.variant}"

    @property
    def split(self) -> Split:
        """Return which part of the families its structure belongs to."""
        part = zlib.crc32(f"form structure {self.structure}".encode()) % 4
        return "development" if part < 2 else "left_out" if part == 2 else "locked"


@dataclass(frozen=True, slots=True)
class FormPage:
    """A page with the truth of its index fields: names and numbers as printed, dates as ISO; None if not
    printed.
    """

    family: LayoutFamily
    canvas: PageCanvas
    truth: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What all pages of a family have in common."""

    style: FormStyle
    labels: Mapping[str, str]
    kinds: tuple[str, ...]
    name_form: str
    birth_form: str
    date_form: str
    mrn_form: str
    upper: bool
    letterhead: bool
    title_first: bool
    body: str
    signature: bool
    print_line: bool
    second: str


def layout_families(*splits: Split) -> tuple[LayoutFamily, ...]:
    """Return the families of these splits; of all without any."""
    families = (
        LayoutFamily(structure, variant)
        for structure in (*ARRANGEMENTS, *STRUCTURES)
        for variant in range(VARIANTS)
    )
    return tuple(family for family in families if not splits or family.split in splits)


def form_pages(count: int, seed: int, families: Sequence[LayoutFamily]) -> Iterator[FormPage]:
    """Yield `count` pages of each family. The same seed gives the same pages."""
    for family in families:
        rng = random.Random(f"form pages {seed} {family.name}")
        for _ in range(count):
            yield form_page(rng, family)


def form_page(rng: random.Random, family: LayoutFamily) -> FormPage:
    """Return a page about a new person in a layout of the family."""
    look = _look(family)
    subject = form_subject(rng, look.mrn_form)
    facts = _facts(rng, look, subject)
    canvas = PageCanvas()
    pen = FormPen(rng, canvas, look.style)
    y = _letterhead(pen, subject, TOP) if look.letterhead else TOP
    if look.title_first and family.structure not in ("page_footer", "addressograph_plain"):
        canvas.write(LEFT, y, facts["title"].value, look.style.font(1.3, bold=True))
        y += round(look.style.size * 2.2)
    if family.structure in ARRANGEMENTS:
        shown = [facts[kind] for kind in look.kinds]
        y = ARRANGEMENTS[family.structure](pen, shown, LEFT, y, RIGHT)
    else:
        y = STRUCTURES[family.structure](pen, facts, y)
    _body(pen, look, facts, y + 20)
    return FormPage(family, canvas, _truth(canvas, subject, facts))


def _look(family: LayoutFamily) -> _Look:
    rng = random.Random(f"form layout {family.name}")
    kinds = [kind for kind, share in SHOWN_SHARE.items() if rng.random() < share]
    if family.structure in ("claim_boxes", "insurance_card", "institutional_claim", "prior_authorization"):
        kinds = [
            kind
            for kind in ("dob", "service", "member", "mrn")
            if kind != "mrn" or family.structure == "institutional_claim"
        ]
    if family.structure in STRUCTURES and "dob" not in kinds:
        kinds.append("dob")
    if (
        family.structure.startswith(("addressograph", "wristband", "emr", "page_footer", "specimen"))
        and "mrn" not in kinds
    ):
        kinds.append("mrn")
    kinds += rng.sample(EXTRA_KINDS, rng.randint(2, 7))
    rng.shuffle(kinds)
    kinds.insert(0 if rng.random() < 0.7 else rng.randint(0, len(kinds)), "name")
    face: Face = rng.choice(FACES)
    typewritten = rng.random() < 0.3
    return _Look(
        style=FormStyle(
            face=face,
            value_face="mono" if typewritten else face,
            cut=family.variant,
            size=rng.choice((24, 26, 28, 30)),
            label_scale=rng.choice((0.6, 0.7, 0.8, 1.0, 1.0)),
            bold_labels=rng.random() < 0.4,
            upper_labels=rng.random() < 0.35,
            end=rng.choice((":", ":", ":", "", " -", ".")),
            numbered=rng.random() < 0.3,
            shift=4 if typewritten else 0,
        ),
        labels={kind: rng.choice(labels) for kind, labels in form_labels().items()},
        kinds=tuple(kinds),
        name_form=rng.choice(NAME_FORMS),
        birth_form=rng.choice(DATE_FORMS),
        date_form=rng.choice(DATE_FORMS),
        mrn_form=rng.choice(MRN_FORMS),
        upper=rng.random() < 0.5,
        letterhead=rng.random() < 0.6,
        title_first=rng.random() < 0.7,
        body=rng.choice(("text", "text", "labs", "list")),
        signature=rng.random() < 0.6,
        print_line=rng.random() < 0.4,
        second=rng.choice(("", "", "provider", "guarantor")),
    )


def _facts(rng: random.Random, look: _Look, subject: FormSubject) -> dict[str, Fact]:
    """Return the facts of a page by kind. Facts about the patient that the family does not print are
    missing.
    """
    birth_form = "%m/%d/%Y" if look.birth_form == "%m/%d/%y" and subject.born.year < 1932 else look.birth_form
    later = subject.service + timedelta(days=rng.randint(1, 9))
    name = print_name(subject, look.name_form, upper=look.upper)
    values = {
        "name": name,
        "family": subject.family.upper() if look.upper else subject.family,
        "given": subject.given.upper() if look.upper else subject.given,
        "middle": subject.middle[:1],
        "dob": print_date(subject.born, birth_form),
        "mrn": subject.mrn,
        "member": subject.member,
        "service": print_date(subject.service, look.date_form),
        "sex": rng.choice((subject.sex, {"F": "Female", "M": "Male"}[subject.sex])),
        "age": str(subject.age),
        "phone": subject.phone,
        "address": subject.address,
        "provider": subject.provider,
        "insurer": expand(rng, "[insurer]", {}),
        "guarantor": subject.relative.upper() if look.upper else subject.relative,
        "other_birth": print_date(subject.relative_born, birth_form),
        "other_date": print_date(later, look.date_form),
        "facility": subject.facility,
        "town": subject.town,
        "title": rng.choice(form_labels()["title"]),
        "panel": rng.choice(form_labels()["panel"]),
        "relative": subject.relative,
        "insured": rng.choice((name, f"{subject.family}, {subject.relative.split()[0]}")),
        "insured_born": print_date(subject.relative_born, birth_form),
        "effective": print_date(subject.service - timedelta(days=200), look.date_form),
        "signed": print_date(later, "%m/%d/%y"),
        "onset": print_date(subject.service - timedelta(days=12), "%m %d %y"),
        "dob_spaced": print_date(subject.born, "%m  %d  %Y"),
        "service_spaced": print_date(subject.service, "%m  %d  %y"),
        **subject.numbers,
    }
    own = {"dob", "mrn", "service", "member"}
    hidden = own - set(look.kinds)
    return {
        kind: Fact(kind, look.labels.get(kind, ""), value)
        for kind, value in values.items()
        if kind not in hidden
    }


def _letterhead(pen: FormPen, subject: FormSubject, y: int) -> int:
    style = pen.style
    pen.canvas.write(LEFT, y, subject.facility, style.font(1.3, bold=True))
    pen.canvas.write(
        LEFT,
        y + round(style.size * 1.8),
        f"{subject.address}, {subject.town}   Phone {subject.phone}",
        style.font(0.75),
    )
    return y + round(style.size * 3.4)


def _body(pen: FormPen, look: _Look, facts: Mapping[str, Fact], y: int) -> None:
    """Write what is below the patient's data: another person's data, text or results, signature, and print
    line.
    """
    canvas, font, step = pen.canvas, look.style.font(0.95), pen.step
    if look.second:
        label = look.labels[look.second]
        canvas.write(LEFT, y, f"{label}: {facts[look.second].value}", font)
        y += step + 14
    if look.body == "labs":
        canvas.write(LEFT, y, facts["panel"].value, look.style.font(bold=True))
        for test, low, high in (
            ("Sodium", 132, 148),
            ("Potassium", 3, 6),
            ("Glucose", 60, 240),
            ("Creatinine", 1, 3),
            ("Calcium", 8, 11),
        ):
            y += step
            for x, text in (
                (LEFT, test),
                (600, str(pen.rng.randint(low, high))),
                (900, f"{low} - {high}"),
                (1200, "mg/dL"),
            ):
                canvas.write(x, y, text, font)
        y += step * 2
    while y < FOOT - 300 and pen.rng.random() < 0.93:
        text = expand(
            pen.rng, pen.rng.choice(("[exam_line]", "[assessment]", "[plan]", "[vitals]", "[order_line]")), {}
        )
        text = f"- {text}" if look.body == "list" else text
        for line in _wrapped(text, font.width, RIGHT - LEFT):
            canvas.write(LEFT, y, line, font)
            y += step
    if look.signature:
        signed = facts["other_date"].value if "other_date" in facts else ""
        canvas.write(
            LEFT,
            FOOT - 120,
            pen.rng.choice(
                (
                    f"Electronically signed by {facts['provider'].value} on {signed}",
                    f"Signature: ____________________   Date: {signed}",
                    f"{facts['provider'].value}",
                )
            ),
            font,
        )
    if look.print_line:
        canvas.write(
            LEFT,
            HEIGHT - 60,
            f"Printed {facts['other_date'].value} 10:42   Page 1 of 1",
            look.style.font(0.7),
        )


def _wrapped(text: str, width_of: Callable[[str], int], width: int) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _truth(canvas: PageCanvas, subject: FormSubject, facts: Mapping[str, Fact]) -> dict[str, str | None]:
    """Return the truth of the page's index fields: what is printed of them."""
    texts = [mark.text.lower() for mark in canvas.marks if mark.kind == "text"]

    def is_printed(*kinds: str) -> bool:
        return any(
            kind in facts and any(facts[kind].value.lower() in text for text in texts) for kind in kinds
        )

    printed_name: str | None = facts["name"].value if is_printed("name") else None
    if printed_name is None and is_printed("family") and is_printed("given"):
        printed_name = " ".join(
            facts[kind].value for kind in ("given", "middle", "family") if facts[kind].value
        )
    values = (
        printed_name,
        subject.born.isoformat()
        if is_printed("dob") or ("dob" in facts and is_printed("dob_spaced"))
        else None,
        subject.mrn if is_printed("mrn") else None,
        subject.member if is_printed("member") else None,
        subject.service.isoformat()
        if is_printed("service") or ("service" in facts and is_printed("service_spaced"))
        else None,
    )
    return dict(zip(FIELDS, values, strict=True))
