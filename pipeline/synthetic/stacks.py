"""Scans as they come from the mail room: one document or a stack of several patients', blank backs, separator
sheets.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.config import document_types
from pipeline.synthetic.compose import document, types
from pipeline.synthetic.draw import blank_page, draw_page
from pipeline.synthetic.people import Patient
from pipeline.synthetic.scanner import Scanned, Scanner, choose_scanner, scan
from pipeline.synthetic.style import style_for
from pipeline.synthetic.typeset import TypesetDocument, typeset

STACK_SHARE = 0.4  # share of scans that hold several documents
UNLISTED_PATIENT_SHARE = 0.06  # share of documents about a person who is not in the index
DUPLEX_SHARE = 0.2  # share of stacks scanned on both sides, so that most backs are blank
SeparatorSheet = Callable[[int], NDArray[np.uint8]]  # dots an inch -> the sheet as gray pixels


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A scan and its truth; `truth` is what is written next to it as JSON, without the file's name."""

    pages: tuple[Scanned, ...]
    scanner: Scanner
    truth: dict[str, Any]


def scans(
    people: Sequence[Patient],
    strangers: Sequence[Patient],
    count: int,
    seed: int,
    *,
    separator: SeparatorSheet | None = None,
    kinds: Sequence[str] = (),
) -> Iterator[ScannedFile]:
    """Yield `count` scans about `people` and sometimes about `strangers`, who are not in the index."""
    for number in range(count):
        rng = random.Random(f"scan {seed} {number}")
        yield generate_scan(rng, people, strangers, separator=separator, kinds=kinds)


def generate_scan(
    rng: random.Random,
    people: Sequence[Patient],
    strangers: Sequence[Patient],
    *,
    separator: SeparatorSheet | None = None,
    kinds: Sequence[str] = (),
) -> ScannedFile:
    """Generate one scan. In a stack the documents of a patient follow one another."""
    stacked = rng.random() < STACK_SHARE
    wanted = rng.randint(2, 8) if stacked else 1
    sheets = stacked and separator is not None and rng.random() < 0.35
    duplex = rng.random() < DUPLEX_SHARE
    scanner = choose_scanner(rng)
    if sheets and scanner.name == "fax_coarse":  # its dots are too far apart for a code to survive
        scanner = choose_scanner(rng, ("fax_fine",))
    sender = _sender(rng) if scanner.name.startswith("fax") else ""
    pages: list[Scanned] = []
    ledger: list[dict[str, Any]] = []
    documents: list[dict[str, Any]] = []

    def add(pixels: NDArray[np.uint8], kind: str) -> None:
        stamp = f"{sender}  P.{len(pages) + 1:02d}" if sender else ""
        pages.append(scan(rng, pixels, scanner, stamp, stamped=kind == "content"))
        last = pages[-1]
        ledger.append(
            {
                "page": len(pages),
                "kind": kind,
                "rotation": last.rotation,
                "skew": last.skew,
                "degradation": list(last.flaws),
            }
        )

    person = rng.choice(people)
    for number in range(wanted):
        if rng.random() < 0.45:
            person = (
                rng.choice(strangers)
                if strangers and rng.random() < UNLISTED_PATIENT_SHARE
                else rng.choice(people)
            )
        if number and sheets and separator is not None:
            add(separator(scanner.dpi), "separator")
        kind = rng.choice(kinds or types())
        printed = typeset(rng, document(rng, kind, person), style_for(rng, kind))
        first = len(pages) + 1
        content = []
        for sheet in printed.sheets:
            content.append(len(pages) + 1)
            add(draw_page(sheet, scanner.dpi), "content")
            if duplex and rng.random() < 0.8:
                add(blank_page(scanner.dpi), "blank")
        assert content[0] == first
        documents.append(_truth(printed, content, person in people))
    truth = {
        "scanner": scanner.name,
        "separators": sheets,
        "separator_kind": "qr" if sheets else None,
        "pages": ledger,
        "documents": documents,
    }
    return ScannedFile(tuple(pages), scanner, truth)


def _truth(printed: TypesetDocument, pages: list[int], in_index: bool) -> dict[str, Any]:
    sample = printed.sample
    entry = document_types().get(sample.type)
    known = in_index and sample.patient is not None and any(sample.printed.values())
    day = (
        sample.date.isoformat()
        if sample.facts["date"] in "\n".join(sheet.text for sheet in printed.sheets)
        else None
    )
    return {
        "pages": pages,
        "type": sample.type,
        "types_accepted": [sample.type],
        "loinc": (entry.loinc or "") if entry else "",
        "patient": {"id": sample.patient.id, "mrn": sample.patient.mrn} if known and sample.patient else None,
        "patient_in_index": known,
        "printed": dict(sample.printed),
        "misprinted": sample.misprinted,
        "date_of_service": day,
        "dates_accepted": [day] if day else [],
        "layout": printed.style.name,
        "title": sample.title or None,
        "source": "samples",
    }


def _sender(rng: random.Random) -> str:
    day = f"{rng.randint(1, 12):02d}/{rng.randint(1, 28):02d}/20{rng.randint(10, 24)}"
    time = f"{rng.randint(7, 18):02d}:{rng.randint(0, 59):02d}"
    office = rng.choice(("MED RECORDS", "CLINIC FAX", "4 WEST", "RADIOLOGY"))
    return f"{day} {time}  FROM: {office} 5550{rng.randint(100, 199)}  TO: 5550{rng.randint(100, 199)}"
