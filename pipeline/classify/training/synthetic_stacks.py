"""Generate stacks of pages to train and measure segmentation: the sample generator's documents, typeset on
pages and read with simulated OCR errors, without images. The seed determines a stack completely.

The stacks have what makes real stacks difficult: one hospital's letterhead and one layout for different
documents, several documents of one patient on one day, missing titles and headers, misread page numbers and
names, faint pages.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pipeline.records import OcrPage, Word

if TYPE_CHECKING:
    from pipeline.synthetic import Patient, Style, SyntheticDocument

MAX_STACK_PAGES = 60
USUAL_MAX_STACK_PAGES = 25
LARGE_STACK_SHARE = 0.3
"""Share of stacks that may have more pages than usual."""

MAX_DOCUMENT_PAGES = 12
NEW_PATIENT_SHARE = 0.4
"""Share of documents for which a patient is drawn again."""

SAME_FACILITY_SHARE = 0.65
"""Share of documents that come from the same hospital as the one before; the others were sent from elsewhere.
"""

SAME_STYLE_SHARE = 0.4
"""Share of one hospital's documents that have the layout of the one before."""

SAME_DAY_SHARE = 0.3
"""Share of one hospital's documents for the same patient that are of the same or the next day."""

UNTITLED_SHARE = 0.2
DUPLEX_SHARE = 0.25
"""Share of stacks that were scanned on both sides and have blank pages."""

BLANK_AFTER_LAST_PAGE_SHARE, BLANK_AFTER_PAGE_SHARE = 0.9, 0.35
"""In a duplex stack: share of a document's last pages, and of its other pages, with a blank page after them.
"""

FAX_SHARE = 0.2
"""Share of stacks that were received by fax, in one transmission or several."""

OTHER_FORM_SHARE = 0.1
"""Share of documents that are a one-page form of another hospital, about another patient."""

FORM_BACK_SHARE = 0.04
"""Share of documents with a printed back after the last page."""

MISREAD_RATES = (0.0, 0.0, 0.005, 0.01, 0.02, 0.05)
"""Rates of misread letters. One is drawn for the stack and one for each page; the higher one applies."""

LOST_LINE_RATES = (0.0, 0.0, 0.0, 0.02, 0.08)
LINE_PX = 12
"""Words whose bottoms are in the same multiple of this are on one line."""

CONFUSIONS = {
    "l": "1I", "i": "l1", "o": "0c", "e": "c", "a": "o", "0": "O6", "1": "l7", "5": "S6", "8": "B6",
    "6": "8", "3": "8", "S": "5", "O": "0", "I": "l", "B": "8", "n": "r", "u": "v", ":": ";.", ",": ".",
    "/": "7l", "7": "1", "4": "1", "9": "0", "2": "7",
}  # fmt: skip
"""Character -> what it is misread as."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Pages in order, and the true documents: the numbers of their pages, and the patient of each (a
    patient's id; None if the document names no patient).
    """

    name: str
    pages: tuple[OcrPage, ...]
    documents: tuple[tuple[int, ...], ...]
    patients: tuple[str | None, ...]


def generate_stacks(
    count: int, seed: int, least: int = 5, most: int = MAX_STACK_PAGES, several: int | None = None
) -> Iterator[Stack]:
    """Yield generated stacks.

    Args:
        count: How many stacks.
        seed: The seed; with the patients it determines each stack.
        least: Fewest pages of a stack.
        most: Most pages of a stack, except for the rest of its last document.
        several: Most patients of a stack; None: any number.
    """
    from pipeline.synthetic import patients

    people = patients(400, seed)
    for number in range(count):
        rng = random.Random(f"stack {seed} {number}")
        stack_people = rng.sample(people, several) if several else people
        yield _generate_stack(rng, stack_people, f"{seed}-{number}", least, most)


def _generate_stack(rng: random.Random, people: Sequence[Patient], name: str, least: int, most: int) -> Stack:
    from pipeline.classify.training.stack_extras import fax_lines

    is_large = rng.random() < LARGE_STACK_SHARE
    page_count = rng.randint(least, most if is_large else min(USUAL_MAX_STACK_PAGES, most))
    is_duplex, stack_rate = rng.random() < DUPLEX_SHARE, rng.choice(MISREAD_RATES)
    printed = list(_printed_documents(rng, people, page_count))
    counts = [len(sheets) for _, sheets in printed]
    lines = iter(fax_lines(rng, counts) if rng.random() < FAX_SHARE else [()] * sum(counts))
    pages: list[OcrPage] = []
    documents: list[tuple[int, ...]] = []
    for _, sheets in printed:
        numbers = []
        for position, words in enumerate(sheets, 1):
            numbers.append(len(pages) + 1)
            rate = max(stack_rate, rng.choice(MISREAD_RATES))
            pages.append(simulate_reading(rng, (*next(lines), *words), len(pages) + 1, rate))
            is_last = position == len(sheets)
            blank_share = BLANK_AFTER_LAST_PAGE_SHARE if is_last else BLANK_AFTER_PAGE_SHARE
            if is_duplex and rng.random() < blank_share:
                pages.append(page_from_words(len(pages) + 1, (), blank=True))
        documents.append(tuple(numbers))
    return Stack(name, tuple(pages), tuple(documents), tuple(owner for owner, _ in printed))


def _printed_documents(
    rng: random.Random, people: Sequence[Patient], page_count: int
) -> Iterator[tuple[str | None, list[Sequence[Word]]]]:
    """Yield (patient, words of each page) of documents that fill at least `page_count` pages."""
    from pipeline.classify.training.stack_extras import form_back, other_form
    from pipeline.synthetic import style_for, typeset

    person = rng.choice(people)
    before: SyntheticDocument | None = None
    style: Style | None = None
    while page_count > 0:
        if rng.random() < OTHER_FORM_SHARE:
            form = other_form(rng)
            page_count -= 1
            printed = [value for name in ("patient_name", "mrn") if (value := form.truth.get(name))]
            yield " ".join(("form", *printed)) if printed else None, [form.canvas.words]
            continue
        if rng.random() < NEW_PATIENT_SHARE:
            person = rng.choice(people)
        sample, is_same_facility = _next_sample(rng, person, before)
        if style is None or not is_same_facility or rng.random() >= SAME_STYLE_SHARE:
            style = style_for(rng, sample.type)
        sheets: list[Sequence[Word]] = [sheet.words for sheet in typeset(rng, sample, style).sheets]
        if len(sheets) > MAX_DOCUMENT_PAGES:
            continue
        if rng.random() < FORM_BACK_SHARE:
            sheets.append(form_back(rng))
        page_count -= len(sheets)
        before = sample
        yield (sample.patient.id if sample.patient else None), sheets


def _next_sample(
    rng: random.Random, person: Patient, before: SyntheticDocument | None
) -> tuple[SyntheticDocument, bool]:
    """Return the next document of a stack, and whether it comes from the same hospital as the one before."""
    from pipeline.synthetic import document, types

    sample = document(rng, rng.choice(types()), person)
    is_same_facility = before is not None and rng.random() < SAME_FACILITY_SHARE
    if before is not None and is_same_facility:
        facts = {**sample.facts, **_facility_address(before.facts)}
        sample = replace(sample, facility=before.facility, facts=facts)
        if rng.random() < SAME_DAY_SHARE and before.patient == sample.patient:
            sample = replace(sample, date=before.date + timedelta(days=rng.randint(0, 1)))
    if rng.random() < UNTITLED_SHARE:
        sample = replace(sample, title="")
    return sample, is_same_facility


def _facility_address(facts: Mapping[str, str]) -> dict[str, str]:
    return {key: facts[key] for key in ("city", "state", "zip") if key in facts}


def simulate_reading(rng: random.Random, words: Sequence[Word], number: int, rate: float) -> OcrPage:
    """Return a page as OCR might read it: misread letters, lost lines, slightly shifted boxes.

    Args:
        rng: The source of random numbers.
        words: The printed words.
        number: The page's number.
        rate: The share of misread letters.
    """
    lost_rate = rng.choice(LOST_LINE_RATES)
    lost_lines = {round(word.box[3] / LINE_PX) for word in words if rng.random() < lost_rate / 8}
    kept = []
    for word in words:
        text = _misread(rng, word.text, rate)
        if not text or round(word.box[3] / LINE_PX) in lost_lines:
            continue
        x0, y0, x1, y1 = (edge + rng.randint(-1, 1) for edge in word.box)
        height = y1 - y0
        box = (x0, y0 + height // 6, max(x1, x0 + 1), y1 - height // 8)  # letters do not fill the line's box
        confidence = round(rng.uniform(0.55, 0.97) if text != word.text else 0.95, 2)
        kept.append(Word(text=text, box=box, confidence=confidence))
    kept.sort(key=lambda word: (word.box[3] // LINE_PX, word.box[0]))
    return page_from_words(number, tuple(kept))


def _misread(rng: random.Random, text: str, rate: float) -> str:
    if rate == 0.0:
        return text
    return "".join(rng.choice(CONFUSIONS.get(c, c)) if rng.random() < rate else c for c in text)


def page_from_words(
    number: int, words: tuple[Word, ...], size: tuple[int, int] = (1700, 2200), *, blank: bool = False
) -> OcrPage:
    """Return a page with these words and their text, line by line.

    Args:
        number: The page's number.
        words: Its words in reading order.
        size: Its width and height in pixels.
        blank: Whether the page is blank.
    """
    lines: list[list[Word]] = []
    for word in words:
        if lines and abs(lines[-1][-1].box[3] - word.box[3]) <= 8:
            lines[-1].append(word)
        else:
            lines.append([word])
    text = "\n".join(" ".join(word.text for word in line) for line in lines)
    confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
    return OcrPage(
        number=number,
        image="",
        width=size[0],
        height=size[1],
        dpi=200.0,
        blank=blank,
        text=text,
        words=words,
        confidence=confidence,
    )
