"""What a page says of its place in a document: its number, its heading, how it begins and how it ends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.classify.fields import Offer, offers_of
from pipeline.classify.fields.page_zones import is_fax_line
from pipeline.classify.page_layout import Cell, Layout, lay_out
from pipeline.records import OcrPage

DIGIT = r"[\dlLIiO|]"
PAGE_OF = re.compile(
    rf"\bP(?:age|g|age:|g\.?|age no\.?)[.:#]?\s*({DIGIT}{{1,3}})\s*(?:of|/|0f|ot)\s*({DIGIT}{{1,3}})\b",
    re.IGNORECASE,
)
PAGE = re.compile(rf"\b(?:Page|Pg\.?|Page no\.?)[:#]?\s*({DIGIT}{{1,3}})\b(?!\s*(?:of|/))", re.IGNORECASE)
BARE_OF = re.compile(r"^\W*(\d{1,3})\s*(?:of|/)\s*(\d{1,3})\W*$", re.IGNORECASE)
BARE = re.compile(r"^[-–—\s]*(\d{1,3})[-–—\s.]*$")
MARGIN_ROWS = 4
"""Rows at the head and at the foot of a page where its number may stand."""

CONTINUED = re.compile(r"\b(continued|cont'?d|\(cont\.?\))", re.IGNORECASE)
GOES_ON = re.compile(r"\bcontinued on\b|\b(next page|over)\s*[.)>]*$", re.IGNORECASE)
ENDING = re.compile(
    r"\bsincerely\b|\brespectfully\b|\bthank you for (?:allowing|the)|\bend of (?:report|document|note)\b"
    r"|\bjob\s*#|\bcc:|\bsigned\b"
    r"|^\s*[A-Z]{2,3}\s?[/:]\s?[A-Za-z]{2,3}\b|^\s*[DT]\s?:\s?\d|\*{3}\s*(?:final|end)",
    re.IGNORECASE,
)
FORM = re.compile(r"\bform\s+([A-Z]{1,6}[-–\s]?\d{2,6}[A-Z]?)", re.IGNORECASE)
STEP = re.compile(r"^\W?(\d{1,2})\s?[.,)]\s?\S")
LAST_ROWS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PageMarks:
    """A page as the cutting looks at it. Positions are shares of the page's height or width."""

    page: OcrPage
    layout: Layout
    offers: tuple[Offer, ...]
    number: int | None
    total: int | None
    continued: bool
    goes_on: bool
    ending: bool
    form: str | None
    first_text: str
    last_text: str
    first_step: int | None
    last_step: int | None
    head_labels: int
    title: bool
    letterhead: str | None
    top: float
    bottom: float
    left: float
    line: float
    pitch: float


def marks_of(page: OcrPage) -> PageMarks:
    """Everything about a page that its neighbours are compared with."""
    layout = lay_out(page)
    offers = offers_of(layout)
    texts = layout.texts()
    body = _body(texts)
    number, total = _number(texts)
    edges = texts[:MARGIN_ROWS] + texts[-MARGIN_ROWS:]
    first = texts[body[0]] if body else ""
    last = texts[body[-1]] if body else ""
    head = [
        offer
        for offer in offers
        if offer.evidence["head"]
        and offer.label
        and offer.label not in ("alone", "signed", "signer", "letterhead")
    ]
    steps = [int(found[1]) for i in body if (found := STEP.match(texts[i]))]
    first_step = STEP.match(first)
    return PageMarks(
        page=page,
        layout=layout,
        offers=offers,
        number=number,
        total=total,
        continued=any(CONTINUED.search(text) for text in texts[: MARGIN_ROWS + 2])
        and not any(GOES_ON.search(t) for t in texts[: MARGIN_ROWS + 2]),
        goes_on=any(GOES_ON.search(text) for text in texts[-MARGIN_ROWS:]),
        ending=any(ENDING.search(text) for text in texts[-LAST_ROWS:]),
        form=next(
            (re.sub(r"\W", "", found[1]).upper() for text in edges if (found := FORM.search(text))), None
        ),
        first_text=first,
        last_text=last,
        first_step=int(first_step[1]) if first_step else None,
        last_step=steps[-1] if steps else None,
        head_labels=len(head),
        title=has_title(layout),
        letterhead=next((offer.value for offer in offers if offer.label == "letterhead"), None),
        top=_edge(layout, body, first=True),
        bottom=_edge(layout, body, first=False),
        left=_left(layout, body),
        line=layout.line / layout.height,
        pitch=_pitch(layout, body),
    )


def _read_digits(text: str) -> int:
    return int(re.sub(r"[lLIi|]", "1", text).replace("O", "0"))


def _number(texts: list[str]) -> tuple[int | None, int | None]:
    """(page, of how many) as printed at the page's head or foot. A fax machine's own numbering does not
    count.
    """
    edges = [text for text in texts[-MARGIN_ROWS:] + texts[:MARGIN_ROWS] if not is_fax_line(text)]
    for pattern in (PAGE_OF, BARE_OF):
        for text in edges:
            found = pattern.search(text)
            if found and 0 < (number := _read_digits(found[1])) <= (total := _read_digits(found[2])) < 500:
                return number, total
    for pattern in (PAGE, BARE):
        for text in edges if pattern is PAGE else [t for t in texts[-2:] + texts[:1] if not is_fax_line(t)]:
            found = pattern.search(text)
            if found and 0 < (number := _read_digits(found[1])) < 500:
                return number, None
    return None, None


def _body(texts: list[str]) -> list[int]:
    """The rows of running text: not the fax line, page number, form number or header block."""
    rows = [
        i
        for i, text in enumerate(texts)
        if not (is_fax_line(text) or PAGE_OF.search(text) or FORM.search(text))
    ]
    return [i for i in rows if sum(c.isalpha() for c in texts[i]) >= 3]


def _edge(layout: Layout, body: list[int], *, first: bool) -> float:
    if not body:
        return 1.0 if first else 0.0
    boxes = [cell.box for cell in layout.rows[body[0 if first else -1]]]
    return (min(box[1] for box in boxes) if first else max(box[3] for box in boxes)) / layout.height


def _left(layout: Layout, body: list[int]) -> float:
    lefts = [layout.rows[i][0].box[0] / layout.width for i in body]
    return median(lefts) if lefts else 0.0


def _pitch(layout: Layout, body: list[int]) -> float:
    tops = [layout.rows[i][0].box[3] for i in body]
    gaps = sorted(b - a for a, b in pairwise(tops) if b > a)
    return (median(gaps[: max(1, len(gaps) * 3 // 4)]) / layout.height) if gaps else 0.0


def has_title(layout: Layout) -> bool:
    """Does a heading stand in the page's upper half: a short line of its own, in capitals, large or
    centred?
    """
    for row in layout.rows:
        if row[0].box[1] > 0.5 * layout.height:
            return False
        if len(row) == 1 and _is_heading(row[0], layout):
            return True
    return False


HEADING = re.compile(
    r"\b(report|record|note|notes|summary|consult(?:ation)?|history and physical|evaluation|consent"
    r"|authorization|acknowledg\w+|orders?|sheet|letter|list|examination|procedure|transcription|immunizations?|directive"
    r"|request|claim|card|fax|statement|plan of care|certificate|referral|assessment|questionnaire|intake|flow ?sheet"
    r"|results|notice|study|echocardiogram|electrocardiogram)\b",
    re.IGNORECASE,
)


def _is_heading(cell: Cell, layout: Layout) -> bool:
    text = cell.text.strip(" |_-.")
    if not 3 <= len(text) <= 60 or len(cell.words) > 7 or ":" in text or not HEADING.search(text):
        return False
    tall = (cell.box[3] - cell.box[1]) > 1.35 * layout.line
    middle = (cell.box[0] + cell.box[2]) / 2 / layout.width
    centred = abs(middle - 0.5) < 0.05 and cell.box[0] > 0.2 * layout.width
    capitals = sum(c.isupper() for c in text) > 0.7 * sum(c.isalpha() for c in text)
    return tall or capitals or centred
