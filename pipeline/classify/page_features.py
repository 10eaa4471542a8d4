"""Extract what a page shows about its place in a document: its page number, its title, how it begins and how
it ends.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pipeline.classify.fields import FieldCandidate, find_candidates
from pipeline.classify.fields.page_zones import is_fax_line
from pipeline.classify.page_layout import Cell, Layout, analyze_layout
from pipeline.classify.titles import find_title
from pipeline.records import OcrPage

DIGIT = r"[\dlLIiO|]"
PAGE_OF = re.compile(
    rf"\bP(?:age|g|age:|g\.?|age no\.?)[.:#]?\s*({DIGIT}{{1,3}})\s*(?:of|/|0f|ot)\s*({DIGIT}{{1,3}})\b",
    re.IGNORECASE,
)
PAGE = re.compile(rf"\b(?:Page|Pg\.?|Page no\.?)[:#]?\s*({DIGIT}{{1,3}})\b(?!\s*(?:of|/))", re.IGNORECASE)
BARE_OF = re.compile(r"^\W*(\d{1,3})\s*(?:of|/)\s*(\d{1,3})\W*$", re.IGNORECASE)
BARE = re.compile(r"^[-–—\s]*(\d{1,3})[-–—\s.]*$")
MAX_PAGE_NUMBER = 499
MARGIN_ROWS = 4
"""Rows at the top and at the bottom of a page that may contain its number."""

CONTINUED_ROWS = MARGIN_ROWS + 2
"""Rows at the top that may state that the page continues the one before it."""

ENDING_ROWS = 8
"""Rows at the bottom that may contain a signature or another ending."""

MIN_BODY_LETTERS = 3
"""Letters in a row of running text."""

CONTINUED = re.compile(r"\b(continued|cont'?d|\(cont\.?\))", re.IGNORECASE)
CONTINUES = re.compile(r"\bcontinued on\b|\b(next page|over)\s*[.)>]*$", re.IGNORECASE)
ENDING = re.compile(
    r"\bsincerely\b|\brespectfully\b|\bthank you for (?:allowing|the)|\bend of (?:report|document|note)\b"
    r"|\bjob\s*#|\bcc:|\bsigned\b"
    r"|^\s*[A-Z]{2,3}\s?[/:]\s?[A-Za-z]{2,3}\b|^\s*[DT]\s?:\s?\d|\*{3}\s*(?:final|end)",
    re.IGNORECASE,
)
FORM_NUMBER = re.compile(r"\bform\s+([A-Z]{1,6}[-–\s]?\d{2,6}[A-Z]?)", re.IGNORECASE)
STEP = re.compile(r"^\W?(\d{1,2})\s?[.,)]\s?\S")
HEAD_ROWS, FOOT_ROWS = 6, 3
"""Rows of text at the top and at the bottom that pages of one document often have in common."""

LONG_WORD = re.compile(r"[a-z]{7,}")
"""Words that say what a page is about."""

FAX_ROWS = 2
"""Rows at the top among which the line of a fax machine is."""

PRINTED = re.compile(r"\bprint", re.IGNORECASE)
"""A line that says when a page was printed is not of a fax machine."""

FAX_TIME = re.compile(r"\b\d{1,2}[:.]\d{2}\b")
FAX_PAGE = re.compile(r"\bp(?:age|g)?[.,:]?\s?(\d{1,3})\s?(?:/|of)\s?\d{1,3}", re.IGNORECASE)
UNLABELED = ("alone", "signed", "signer", "letterhead")
"""Labels of candidates whose value was found without a printed label, except for those of a card."""

TITLE_WORD = re.compile(
    r"\b(report|record|note|notes|summary|consult(?:ation)?|history and physical|evaluation|consent"
    r"|authorization|acknowledg\w+|orders?|sheet|letter|list|examination|procedure|transcription"
    r"|immunizations?|directive"
    r"|request|claim|card|fax|statement|plan of care|certificate|referral|assessment|questionnaire"
    r"|intake|flow ?sheet"
    r"|results|notice|study|echocardiogram|electrocardiogram)\b",
    re.IGNORECASE,
)
TITLE_CHARS = range(3, 61)
MAX_TITLE_WORDS = 7
MIN_TITLE_HEIGHT_LINES = 1.35
"""Height of a title in larger type, in line heights."""

MIN_LARGE_HEIGHT_LINES = 1.2
"""Height of a line in larger type, in line heights."""

MIN_TITLE_STRENGTH = 0.5
"""Strength from which a line is taken for a title of the catalog."""

MAX_CENTER_OFFSET_SHARE, MIN_CENTERED_LEFT_SHARE = 0.05, 0.2
"""A centered title's middle is this close to the page's, and its left edge this far in, as shares of the
width.
"""

MIN_CAPITALS_SHARE = 0.7
TITLE_HEIGHT_SHARE = 0.5
"""The part of a page, from the top, that may contain its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFeatures:
    """The features of a page that segmentation compares. Positions and sizes are shares of the page's height
    or width.

    `printed_number`, `printed_total`: as in "Page 2 of 3". `continued`: the page states that it continues the
    page before it; `continues`: that it continues on the next. `first_step`, `last_step`: numbers of numbered
    paragraphs. `header_labels`: labeled values in the upper part. `title`: the line that looks like a title;
    empty if there is none. `catalog_title`: the type whose title is on the page; empty if there is none.
    `large_line`: a short line of its own in the upper half is in larger type. `top`, `bottom`, `left`,
    `right`: edges of the running text. `cells`: cells per row of text. `capitals`, `digits`: shares of the
    letters, and of letters and digits. `head`, `foot`: the first and last rows of text, their letters only.
    `long_words`: long words of the text between them. `fax_number`: the page's number in the line of the
    sender's fax machine.
    """

    page: OcrPage
    layout: Layout
    candidates: tuple[FieldCandidate, ...]
    printed_number: int | None
    printed_total: int | None
    continued: bool
    continues: bool
    has_ending: bool
    form_number: str | None
    first_text: str
    last_text: str
    first_step: int | None
    last_step: int | None
    header_labels: int
    title: str
    catalog_title: str
    large_line: bool
    letterhead: str | None
    top: float
    bottom: float
    left: float
    right: float
    line_height: float
    line_pitch: float
    cells: float
    capitals: float
    digits: float
    head: tuple[str, ...]
    foot: tuple[str, ...]
    long_words: frozenset[str]
    fax_number: int | None

    @property
    def has_title(self) -> bool:
        """Whether a line of the page looks like a title."""
        return bool(self.title)

    @property
    def is_bare(self) -> bool:
        """Whether the page has nothing that starts a document: no letterhead, no labeled values on top, no
        title of the catalog, no page number. It may be the back of the page before, or continue it.
        """
        has_head = self.letterhead or self.header_labels or self.catalog_title
        return not has_head and self.printed_number is None


def extract_page_features(page: OcrPage) -> PageFeatures:
    """Return the features of a page."""
    layout = analyze_layout(page)
    candidates = find_candidates(layout)
    texts = layout.texts()
    body = _body_rows(texts)
    printed_number, printed_total = _printed_page_number(texts)
    steps = [_step_number(texts[i]) for i in body]
    return PageFeatures(
        page=page,
        layout=layout,
        candidates=candidates,
        printed_number=printed_number,
        printed_total=printed_total,
        continued=_matches_any(CONTINUED, texts[:CONTINUED_ROWS])
        and not _matches_any(CONTINUES, texts[:CONTINUED_ROWS]),
        continues=_matches_any(CONTINUES, texts[-MARGIN_ROWS:]),
        has_ending=_matches_any(ENDING, texts[-ENDING_ROWS:]),
        form_number=_form_number(texts),
        first_text=texts[body[0]] if body else "",
        last_text=texts[body[-1]] if body else "",
        first_step=steps[0] if steps else None,
        last_step=next((step for step in reversed(steps) if step is not None), None),
        header_labels=sum(
            bool(c.evidence["in_header"] and c.label and c.label not in UNLABELED) for c in candidates
        ),
        title=_title(layout),
        catalog_title=_catalog_title(texts),
        large_line=_has_large_line(layout),
        letterhead=next((c.value for c in candidates if c.label == "letterhead"), None),
        top=_text_edge(layout, body[:1], bottom=False),
        bottom=_text_edge(layout, body[-1:], bottom=True),
        left=_left_edge(layout, body),
        right=_right_edge(layout, body),
        line_height=layout.line_height / layout.height,
        line_pitch=_line_pitch(layout, body),
        cells=sum(len(layout.rows[i]) for i in body) / max(1, len(body)),
        capitals=_share(str.isupper, str.isalpha, texts),
        digits=_share(str.isdigit, str.isalnum, texts),
        head=_letters_of_rows(texts[i] for i in body[:HEAD_ROWS]),
        foot=_letters_of_rows(texts[i] for i in body[-FOOT_ROWS:]),
        long_words=_long_words(texts[i] for i in body[HEAD_ROWS:]),
        fax_number=next((fax_page_number(texts[i]) for i in sorted(_fax_rows(texts))), None),
    )


def _share(counted: Callable[[str], bool], among: Callable[[str], bool], texts: Sequence[str]) -> float:
    """Return the share of the characters `among` that are `counted`."""
    characters = [c for text in texts for c in text if among(c)]
    return sum(map(counted, characters)) / max(1, len(characters))


def _letters_of_rows(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the letters of each row in lower case, so that another date or page number does not differ."""
    rows = (re.sub(r"[^a-z]+", "", text.lower()) for text in texts)
    return tuple(row for row in rows if len(row) >= MIN_BODY_LETTERS)


def _long_words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in LONG_WORD.findall(text.lower()))


def _fax_rows(texts: Sequence[str]) -> frozenset[int]:
    """Return the rows that a fax machine printed: it names a page beside a time, on top of the page."""
    return frozenset(
        i
        for i, text in enumerate(texts)
        if is_fax_line(text) or (i < FAX_ROWS and FAX_PAGE.search(text) and FAX_TIME.search(text))
        if not PRINTED.search(text)
    )


def fax_page_number(text: str) -> int | None:
    """Return the page's number in the line that a fax machine prints on top; None if there is none."""
    match = FAX_PAGE.search(text)
    return int(match[1]) if match else None


def _matches_any(pattern: re.Pattern[str], texts: Sequence[str]) -> bool:
    return any(pattern.search(text) for text in texts)


def _form_number(texts: list[str]) -> str | None:
    """Return the number of a form, as in "Form FRM-1042", without punctuation."""
    for text in texts[:MARGIN_ROWS] + texts[-MARGIN_ROWS:]:
        match = FORM_NUMBER.search(text)
        if match:
            return re.sub(r"\W", "", match[1]).upper()
    return None


def _step_number(text: str) -> int | None:
    """Return the number of a numbered paragraph."""
    match = STEP.match(text)
    return int(match[1]) if match else None


def _to_int(text: str) -> int:
    """Return the number, with letters that OCR confuses with digits corrected."""
    return int(re.sub(r"[lLIi|]", "1", text).replace("O", "0"))


def _printed_page_number(texts: list[str]) -> tuple[int | None, int | None]:
    """Return (page, total) as printed at the top or bottom of the page. A fax machine's own numbering is
    ignored.
    """
    fax_rows = _fax_rows(texts)
    texts = [text for i, text in enumerate(texts) if i not in fax_rows]
    margins, outermost = texts[-MARGIN_ROWS:] + texts[:MARGIN_ROWS], texts[-2:] + texts[:1]
    for pattern in (PAGE_OF, BARE_OF):
        for text in margins:
            match = pattern.search(text)
            if match and 0 < (number := _to_int(match[1])) <= (total := _to_int(match[2])) <= MAX_PAGE_NUMBER:
                return number, total
    for pattern, rows in ((PAGE, margins), (BARE, outermost)):
        for text in rows:
            match = pattern.search(text)
            if match and 0 < (number := _to_int(match[1])) <= MAX_PAGE_NUMBER:
                return number, None
    return None, None


def _body_rows(texts: list[str]) -> list[int]:
    """Return the rows of running text, without the fax line, page number and form number."""
    fax_rows = _fax_rows(texts)
    return [
        i
        for i, text in enumerate(texts)
        if not (i in fax_rows or PAGE_OF.search(text) or FORM_NUMBER.search(text))
        and sum(c.isalpha() for c in text) >= MIN_BODY_LETTERS
    ]


def _text_edge(layout: Layout, rows: Sequence[int], *, bottom: bool) -> float:
    """Return the top or bottom edge of the rows; of no rows, such that the page has no text."""
    boxes = [cell.box for i in rows for cell in layout.rows[i]]
    if not boxes:
        return 0.0 if bottom else 1.0
    return (max(box[3] for box in boxes) if bottom else min(box[1] for box in boxes)) / layout.height


def _left_edge(layout: Layout, body: list[int]) -> float:
    lefts = [layout.rows[i][0].box[0] / layout.width for i in body]
    return median(lefts) if lefts else 0.0


def _right_edge(layout: Layout, body: list[int]) -> float:
    """Return the right edge of the longest rows: the median of the widest quarter."""
    rights = sorted(layout.rows[i][-1].box[2] / layout.width for i in body)
    return median(rights[-max(1, len(rights) // 4) :]) if rights else 0.0


def _line_pitch(layout: Layout, body: list[int]) -> float:
    """Return the usual distance between two lines; the widest quarter of the distances is between
    paragraphs.
    """
    baselines = [layout.rows[i][0].box[3] for i in body]
    gaps = sorted(b - a for a, b in pairwise(baselines) if b > a)
    return (median(gaps[: max(1, len(gaps) * 3 // 4)]) / layout.height) if gaps else 0.0


def _catalog_title(texts: Sequence[str]) -> str:
    """Return the type whose title is clearly on the page; empty if there is none."""
    title = find_title("\n".join(texts))
    return title.type if title is not None and title.strength >= MIN_TITLE_STRENGTH else ""


def _has_large_line(layout: Layout) -> bool:
    """Return whether a short line of its own in the upper half is in larger type than the page's usual."""
    return any(
        len(row) == 1
        and len(row[0].words) <= MAX_TITLE_WORDS
        and row[0].box[3] - row[0].box[1] > MIN_LARGE_HEIGHT_LINES * layout.line_height
        and sum(c.isalpha() for c in row[0].text) >= MIN_BODY_LETTERS
        for row in layout.rows
        if row[0].box[1] <= TITLE_HEIGHT_SHARE * layout.height
    )


def _title(layout: Layout) -> str:
    """Return the title in the upper half: a short line of its own that is in capitals, large or centered;
    empty if there is none.
    """
    for row in layout.rows:
        if row[0].box[1] > TITLE_HEIGHT_SHARE * layout.height:
            return ""
        if len(row) == 1 and _is_title(row[0], layout):
            return row[0].text
    return ""


def _is_title(cell: Cell, layout: Layout) -> bool:
    text = cell.text.strip(" |_-.")
    if len(text) not in TITLE_CHARS or len(cell.words) > MAX_TITLE_WORDS:
        return False
    if ":" in text or not TITLE_WORD.search(text):
        return False
    left, top, right, bottom = cell.box
    is_tall = (bottom - top) > MIN_TITLE_HEIGHT_LINES * layout.line_height
    is_centered = (
        abs((left + right) / 2 / layout.width - 0.5) < MAX_CENTER_OFFSET_SHARE
        and left > MIN_CENTERED_LEFT_SHARE * layout.width
    )
    is_capitals = sum(c.isupper() for c in text) > MIN_CAPITALS_SHARE * sum(c.isalpha() for c in text)
    return is_tall or is_capitals or is_centered
