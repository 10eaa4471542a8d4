"""Generate what stacks of paper have beside plain documents: printed backs of forms, one-page forms of other
hospitals, and the line that a fax machine prints on top of each page.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from pipeline.records import Word
from pipeline.synthetic.form_layouts import FormPage, form_page, layout_families
from pipeline.synthetic.page import HEIGHT, WIDTH, Font, PageCanvas
from pipeline.synthetic.typeset import wrap

BACK_HEADINGS = (
    "INSTRUCTIONS FOR COMPLETING THIS FORM",
    "INSTRUCTIONS",
    "TERMS AND CONDITIONS",
    "NOTICE TO PATIENT",
    "PRIVACY ACT STATEMENT",
    "INFORMATION ON THE REVERSE OF THIS FORM",
    "PATIENT RIGHTS AND RESPONSIBILITIES",
    "Please read carefully",
    "",
)
BACK_SENTENCES = (
    "Complete all items unless noted otherwise and print clearly in ink.",
    "Any person who knowingly files a statement containing false information may be guilty of a crime.",
    "Item 1. Enter the number exactly as it appears on the card.",
    "Item 4. Leave this block empty if the answer is the same as above.",
    "The information collected on this form is needed to process the request.",
    "You may ask for a copy of this form after it is signed.",
    "Benefits are paid subject to the provisions, limits and exclusions of the plan in effect.",
    "Send the original to the office named on the front and keep a copy for the file.",
    "Failure to provide the information may delay payment.",
    "This authorization may be revoked in writing except to the extent that action has been taken.",
    "The estimated time to complete this form is ten minutes per response.",
    "Definitions: as used in this form, the word provider means a person or facility that gives care.",
    "Use additional sheets if more space is needed.",
    "For questions call the number printed on the front during business hours.",
    "The signer agrees to be responsible for charges not covered.",
    "Abbreviations that are not approved must not be used.",
    "Scores are added and entered in the box at the lower right of the front.",
    "Do not write below this line; for office use.",
    "No supplement of interest is paid on amounts held for review.",
    "A photocopy is as valid as the original.",
)
FAX_SENDERS = (
    "OAKDALE MEDICAL GROUP",
    "RECORDS DEPT",
    "4TH FLOOR NURSING",
    "DR OFFICE",
    "HIM",
    "PHYSICIANS FAX",
)
FAX_FORMS = (
    "{date} {time} {sender} FAX 555-01{two} P.{number:02d}/{total:02d}",
    "{date} {time} FROM: {sender} TO: 555-01{two} PAGE: {number:03d} OF {total:03d}",
    "{sender} Fax:555-01{two} {date} {time} P. {number}/{total}",
    "{date} {time} 555-01{two} {sender} PAGE {number:02d}/{total:02d}",
)
FAX_WORD_PX = 13
"""Width of a letter of a fax machine's line, at 200 dpi."""


def form_back(rng: random.Random) -> tuple[Word, ...]:
    """Return the printed back of a form: small print that names no one."""
    canvas = PageCanvas()
    font = Font(rng.choice(("sans", "serif", "narrow")), rng.choice((18, 20, 22, 24)), cut=rng.randrange(3))
    left, y = rng.choice((90, 120, 160)), rng.choice((80, 110, 150))
    right = WIDTH - left
    heading = rng.choice(BACK_HEADINGS)
    if heading:
        canvas.write(left, y, heading, Font(font.face, font.size + 6, True, font.cut))
        y += 2 * font.size
    bottom = rng.choice((0.4, 0.7, 0.95)) * (HEIGHT - 150)
    while y < bottom:
        paragraph = " ".join(rng.sample(BACK_SENTENCES, rng.randint(1, 4)))
        for line in wrap(paragraph, font, right - left):
            canvas.write(left, y, line, font)
            y += round(1.35 * font.size)
        y += font.size
    return tuple(canvas.words)


def other_form(rng: random.Random) -> FormPage:
    """Return a one-page form about a person of its own."""
    return form_page(rng, rng.choice(layout_families("development")))


def fax_line(rng: random.Random, number: int, total: int, sender: str, form: str) -> tuple[Word, ...]:
    """Return the words of the line that a fax machine prints on top of page `number` of `total`."""
    text = form.format(
        date=f"{rng.randint(1, 12):02d}/{rng.randint(1, 28):02d}/2019",
        time=f"{rng.randint(7, 18):02d}:{rng.randint(10, 59)}",
        sender=sender,
        two=rng.randint(10, 99),
        number=number,
        total=total,
    )
    words, x = [], 60
    for part in text.split():
        width = FAX_WORD_PX * len(part)
        words.append(Word(text=part, box=(x, 14, x + width, 36), confidence=1.0))
        x += width + FAX_WORD_PX
    return tuple(words)


def fax_lines(rng: random.Random, documents: Sequence[int]) -> list[tuple[Word, ...]]:
    """Return the fax line of each page of a stack that was received in a few transmissions.

    Args:
        rng: The source of random numbers.
        documents: The number of pages of each document.
    """
    lines: list[tuple[Word, ...]] = []
    waiting = list(documents)
    while waiting:
        count = rng.choice((1, 1, 2, 3, len(waiting)))
        sent, waiting = sum(waiting[:count]), waiting[count:]
        sender, form = rng.choice(FAX_SENDERS), rng.choice(FAX_FORMS)
        lines += [fax_line(rng, number, sent, sender, form) for number in range(1, sent + 1)]
    return lines
