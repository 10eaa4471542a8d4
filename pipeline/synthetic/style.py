"""How a document looks: drawn once per document, so that its pages belong together and no two documents look
alike.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from pipeline.synthetic.page import Face, Font

HEADS = (
    "none",
    "center",
    "left_rule",
    "boxed",
    "right_block",
    "county",
    "band",
    "logo",
    "mono_lines",
    "small_print",
)
IDENTITIES = (
    "columns",
    "stacked",
    "grid",
    "band",
    "addressograph",
    "memo",
    "dots",
    "line",
    "table",
    "corner",
    "footer",
    "re_line",
)
TITLES = ("center", "left", "inverse", "underlined", "boxed", "spaced", "right")
RUNNING = ("none", "same", "name_line", "name_mrn", "title_only", "continued", "band")
NUMBERS = ("none", "none", "page_of", "page", "slash", "dash", "top_of", "top")
HEADINGS = ("caps", "colon", "bold", "underlined", "run_in", "bar", "plain")
FORM_TYPES = frozenset({"insurance_card", "identity_document", "birth_certificate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """The choices; sizes in 1/200 inch."""

    head: str
    identity: str
    title: str
    running: str
    numbers: str
    heading: str
    face: Face
    cut: int
    size: int
    leading: float
    margin: int
    labels: tuple[str, str, str]
    label_end: str
    ruled: bool
    form_number: str
    print_line: bool

    @property
    def name(self) -> str:
        return f"{self.head}/{self.identity}/{self.title}"

    def font(self, scale: float = 1.0, *, bold: bool = False) -> Font:
        return Font(self.face, round(self.size * scale), bold, self.cut)


NAME_LABELS = (
    "Patient Name",
    "Patient",
    "PATIENT NAME",
    "Name",
    "PATIENT",
    "Pt Name",
    "NAME",
    "Patient's Name",
    "Pt",
    "NAME OF PATIENT",
)
DOB_LABELS = ("DOB", "Date of Birth", "D.O.B.", "Birthdate", "DATE OF BIRTH", "Birth Date", "Born")
MRN_LABELS = (
    "MRN",
    "Med Rec #",
    "Medical Record No.",
    "MR#",
    "Chart #",
    "MEDICAL RECORD NUMBER",
    "Unit No.",
    "Med. Rec. No.",
    "MRN #",
    "Patient ID",
    "Hospital No.",
)


def style_for(rng: random.Random, kind: str) -> Style:
    """A look for a document of that type."""
    face: Face = rng.choice(("sans", "sans", "serif", "mono", "narrow"))
    card = kind in FORM_TYPES
    letter = kind in ("letter", "referral_letter", "insurance_correspondence")
    identity = rng.choice(("re_line", "re_line", "line", "columns")) if letter else rng.choice(IDENTITIES)
    return Style(
        head=rng.choice(("none", "center", "left_rule", "right_block", "logo", "small_print"))
        if letter
        else rng.choice(HEADS),
        identity="none" if card else identity,
        title=rng.choice(TITLES),
        running=rng.choice(RUNNING),
        numbers=rng.choice(NUMBERS),
        heading=rng.choice(HEADINGS),
        face=face,
        cut=rng.randrange(3),
        size=rng.choice((26, 28, 30, 32)),
        leading=rng.choice((1.2, 1.3, 1.45, 1.6)),
        margin=rng.choice((110, 140, 170, 200)),
        labels=(rng.choice(NAME_LABELS), rng.choice(DOB_LABELS), rng.choice(MRN_LABELS)),
        label_end=rng.choice((":", ":", ":", "", ".", " -")),
        ruled=rng.random() < 0.3,
        form_number=_form_number(rng) if rng.random() < 0.3 else "",
        print_line=rng.random() < 0.25,
    )


def _form_number(rng: random.Random) -> str:
    number = f"{rng.choice('ABHMRS')}-{rng.randint(10, 9999)}"
    return f"Form {number} (Rev. {rng.randint(1, 12)}/{rng.randint(88, 99)})"
