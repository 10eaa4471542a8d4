"""Stacks of pages to train and measure the cutting on: the sample generator's documents, set on pages, read
as a scanner's reader would read them, without pictures. A stack is made from its seed alone.

What makes real stacks hard is made on purpose: one hospital's letterhead and one layout for different
documents, several documents of one patient on one day, titles and headers that are missing, page numbers and
names misread, faint pages."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from pipeline.records import OcrPage, Word

LONGEST = 60
SAME_HOUSE = 0.65
"""Share of documents that come from the hospital of the one before; the others were sent from elsewhere."""

SAME_LOOK = 0.4
"""Share of one hospital's documents that look like the one before."""

SAME_DAY = 0.3
UNTITLED = 0.2
MISREAD = (0.0, 0.0, 0.005, 0.01, 0.02, 0.05)
"""Rates of misread letters, one drawn for a page; the scan's own rate is one of them too and the worse one
holds.
"""

LOST_LINES = (0.0, 0.0, 0.0, 0.02, 0.08)
CONFUSED = {
    "l": "1I", "i": "l1", "o": "0c", "e": "c", "a": "o", "0": "O6", "1": "l7", "5": "S6", "8": "B6", "6": "8", "3": "8", "S": "5",
    "O": "0", "I": "l", "B": "8", "n": "r", "u": "v", ":": ";.", ",": ".", "/": "7l", "7": "1", "4": "1", "9": "0", "2": "7",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stack:
    """Pages in order, the numbers of the blank ones, and the documents as their pages' numbers."""

    name: str
    pages: tuple[OcrPage, ...]
    documents: tuple[tuple[int, ...], ...]
    patients: tuple[str | None, ...]
    """Whose each document is: a patient's id, None where it names nobody."""


def generate_stacks(
    count: int, seed: int, least: int = 5, most: int = LONGEST, several: int | None = None
) -> Iterator[Stack]:
    """`count` stacks of `least` to `most` pages; `several`: of how many patients each, at most (any number,
    where not given).
    """
    from pipeline.synthetic import patients

    people = patients(400, seed)
    for number in range(count):
        rng = random.Random(f"stack {seed} {number}")
        yield _stack(rng, rng.sample(people, several) if several else people, f"{seed}-{number}", least, most)


def _stack(rng: random.Random, people: Sequence[object], name: str, least: int, most: int) -> Stack:
    from pipeline.synthetic import document, style_for, types, typeset
    from pipeline.synthetic.people import Patient

    wanted = rng.randint(least, most) if rng.random() < 0.3 else rng.randint(least, min(25, most))
    duplex, rate = rng.random() < 0.25, rng.choice(MISREAD)
    person = rng.choice(people)
    before = style = None
    pages: list[OcrPage] = []
    documents: list[tuple[int, ...]] = []
    owners: list[str | None] = []
    while len(pages) < wanted:
        if rng.random() < 0.4:
            person = rng.choice(people)
        assert isinstance(person, Patient)
        kind = rng.choice(types())
        sample = document(rng, kind, person)
        if before is not None and rng.random() < SAME_HOUSE:
            sample = replace(
                sample, facility=before.facility, facts={**sample.facts, **_address(before.facts)}
            )
            if rng.random() < SAME_DAY and before.patient == sample.patient:
                sample = replace(sample, date=before.date + timedelta(days=rng.randint(0, 1)))
        else:
            style = None
        if rng.random() < UNTITLED:
            sample = replace(sample, title="")
        if style is None or rng.random() >= SAME_LOOK:
            style = style_for(rng, kind)
        printed = typeset(rng, sample, style)
        if len(printed.sheets) > 12:
            continue
        numbers = []
        for sheet in printed.sheets:
            numbers.append(len(pages) + 1)
            pages.append(read_as(rng, sheet.words, len(pages) + 1, max(rate, rng.choice(MISREAD))))
            if duplex and rng.random() < (0.9 if sheet is printed.sheets[-1] else 0.35):
                pages.append(page_of(len(pages) + 1, (), blank=True))
        documents.append(tuple(numbers))
        owners.append(sample.patient.id if sample.patient else None)
        before = sample
    return Stack(name, tuple(pages), tuple(documents), tuple(owners))


def _address(facts: object) -> dict[str, str]:
    assert isinstance(facts, dict)
    return {key: facts[key] for key in ("city", "state", "zip") if key in facts}


def read_as(rng: random.Random, words: Sequence[Word], number: int, rate: float) -> OcrPage:
    """A page's words as they might be read: letters mistaken, lines lost, boxes a little off."""
    lost = rng.choice(LOST_LINES)
    gone = {round(word.box[3] / 12) for word in words if rng.random() < lost / 8}
    kept = []
    for word in words:
        text = _misread(rng, word.text, rate)
        if not text or round(word.box[3] / 12) in gone:
            continue
        x0, y0, x1, y1 = (edge + rng.randint(-1, 1) for edge in word.box)
        size = y1 - y0
        box = (x0, y0 + size // 6, max(x1, x0 + 1), y1 - size // 8)  # ink stands within the line's box
        kept.append(
            Word(
                text=text,
                box=box,
                confidence=round(rng.uniform(0.55, 0.97) if text != word.text else 0.95, 2),
            )
        )
    return page_of(number, tuple(sorted(kept, key=lambda word: (word.box[3] // 12, word.box[0]))))


def _misread(rng: random.Random, text: str, rate: float) -> str:
    if rate == 0.0:
        return text
    return "".join(rng.choice(CONFUSED.get(c, c)) if rng.random() < rate else c for c in text)


def page_of(
    number: int, words: tuple[Word, ...], size: tuple[int, int] = (1700, 2200), *, blank: bool = False
) -> OcrPage:
    """A page of these words, in reading order, `size` pixels wide and high; its text is theirs, line by
    line.
    """
    lines: list[list[Word]] = []
    for word in words:
        if lines and abs(lines[-1][-1].box[3] - word.box[3]) <= 8:
            lines[-1].append(word)
        else:
            lines.append([word])
    text = "\n".join(" ".join(word.text for word in line) for line in lines)
    sure = sum(word.confidence for word in words) / len(words) if words else 0.0
    return OcrPage(
        number=number,
        image="",
        width=size[0],
        height=size[1],
        dpi=200.0,
        blank=blank,
        text=text,
        words=words,
        confidence=sure,
    )
