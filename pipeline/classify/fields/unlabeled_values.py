"""Find values that no label names: a stamped card, a name next to a birth date or record number, the date of
a letter, the order of day and month, the letterhead and the signers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pipeline.classify.fields import name_parsing, page_zones
from pipeline.classify.fields.addressograph import find_card_values
from pipeline.classify.fields.candidate_evidence import FieldCandidate, make_candidate, measure_evidence
from pipeline.classify.fields.date_parsing import find_dates
from pipeline.classify.fields.labels import Label
from pipeline.classify.page_layout import Cell, Layout
from pipeline.records import Word

CARD_STRENGTH = 0.7
"""Label strength of the values of an addressograph card; a strong label has 1."""

LETTERHEAD_STRENGTH = 0.6
"""Label strength of the facility in a letterhead."""

SIGNER_STRENGTH = 0.7
"""Label strength of the author in a signature line."""

MIN_NAME_LABEL_STRENGTH = 0.8
"""From this label strength on, a labeled patient name makes a search for unlabeled names unnecessary."""

MAX_LABEL_OFFSET_LINES = 4.0
"""Line heights by which an unlabeled date may be left or right of a label above or below it that asks for
it.
"""

SALUTATION = re.compile(r"\W*(?:dear\b|to whom it may concern)", re.IGNORECASE)

TIME = re.compile(r"\d{1,2}:\d\d(?::\d\d)?|[AaPp]\.?[Mm]\.?")
"""A time of day after a date."""

DATE_ORDER = "date_order"
"""The field of candidates that only prove the order of day and month in the document's dates."""

MIN_ORDER_CONFIDENCE = 0.8
"""OCR confidence from which a date's words prove the order of day and month."""

LABEL_REMNANT = re.compile(r"(?:(?:(?:(?:(?:p?a)?t)?i)?e)?nt|(?:n?a)?me)[:.]?", re.IGNORECASE)
"""The end of "Patient" or "Name" whose beginning was not read."""

ANCHOR_FIELDS = ("dob", "mrn", "age", "sex", "account", "member_id")
"""The patient's values next to which an unlabeled name may be."""

IDENTITY_CARD = re.compile(r"\b(?:licen[sc]e|passport|identification card|identity card)\b", re.IGNORECASE)
MAX_CARD_TITLE_ROWS, MAX_CARD_ROWS = 5, 30
"""Rows from the top that may have the title of an identity card, and rows of the longest one."""

MAX_CARD_ROW_DISTANCE = 6
"""Rows between the name and the birth date on an identity card."""

MAX_COUNTED_ANCHORS = 3

MAX_ANCHOR_ROW_DISTANCE = 3
"""Rows between an unlabeled name and the nearest birth date or record number (addressograph, header box)."""


def find_card_candidates(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], candidates: Sequence[FieldCandidate]
) -> Iterator[FieldCandidate]:
    """Yield the values of a card without labels, for fields that have no labeled value."""
    labeled_fields = {candidate.field for candidate in candidates}
    for card in find_card_values(layout, labels):
        if card.field not in labeled_fields:
            evidence = measure_evidence(layout, card.words, CARD_STRENGTH)
            yield make_candidate(layout, card.field, card.value, card.words, card.row, evidence, "card")


def find_unlabeled_names(
    layout: Layout, labels: Mapping[int, tuple[Label, ...]], candidates: Sequence[FieldCandidate]
) -> Iterator[FieldCandidate]:
    """Yield names near the patient's birth date or numbers that no label asks for, as on a sticker, in a
    print banner or in a footer.

    `anchors` of the evidence: how many of the patient's values are on the name's row or the next.
    """
    has_labeled_name = any(
        c.field == "patient_name" and c.evidence["label_strength"] >= MIN_NAME_LABEL_STRENGTH
        for c in candidates
    )
    anchors = [c for c in candidates if c.field in ANCHOR_FIELDS]
    if has_labeled_name or not anchors:
        return
    max_distance = MAX_CARD_ROW_DISTANCE if is_identity_card(layout) else MAX_ANCHOR_ROW_DISTANCE
    signers = {name_parsing.natural_name_order(words).lower() for words, _ in page_zones.find_signers(layout)}
    for index, row in enumerate(layout.rows):
        near = {c.field for c in anchors if abs(c.row - index) <= max_distance}
        if not near:
            continue
        adjacent = {c.field for c in anchors if abs(c.row - index) <= 1}
        used = _used_words(index, row, labels, candidates)
        row_words = [word for cell in row for word in cell.words]
        for start, words in _free_words(row, used):
            end = start + len(words)
            name = _leading_name(words, row_words[end].text if end in used else "")
            if not name or _is_asked_above(name, index, labels, layout):
                continue
            value = name_parsing.natural_name_order(name)
            if value.lower() in signers:
                continue
            evidence = measure_evidence(layout, name, 0.0) | {
                "comma": float(any("," in word.text for word in name)),
                "anchors": min(len(adjacent), MAX_COUNTED_ANCHORS) / MAX_COUNTED_ANCHORS,
            }
            yield make_candidate(layout, "patient_name", value, name, index, evidence)


def is_identity_card(layout: Layout) -> bool:
    """Return whether the page is a driver's license, a passport or another card that identifies a person."""
    head = " ".join(layout.texts()[:MAX_CARD_TITLE_ROWS])
    return len(layout.rows) <= MAX_CARD_ROWS and IDENTITY_CARD.search(head) is not None


def _used_words(
    index: int,
    row: Sequence[Cell],
    labels: Mapping[int, tuple[Label, ...]],
    candidates: Sequence[FieldCandidate],
) -> set[int]:
    """Return the positions of a row's words that are labels, or values of labels."""
    used = {i for label in labels.get(index, ()) for i in range(label.first, label.end)}
    boxes = [c.box for c in candidates if abs(c.row - index) <= 1]
    words = [word for cell in row for word in cell.words]
    for i, word in enumerate(words):
        x, y = (word.box[0] + word.box[2]) / 2, (word.box[1] + word.box[3]) / 2
        if any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in boxes):
            used.add(i)
    return used


def _free_words(row: Sequence[Cell], used: set[int]) -> Iterator[tuple[int, tuple[Word, ...]]]:
    """Yield (position, words) of the words of each cell between labels and their values. Words right after a
    label are its value.
    """
    first = 0
    for cell in row:
        run: list[Word] = []
        start = first
        follows_label = False
        for i, word in enumerate(cell.words, first):
            if i in used:
                if run and not follows_label:
                    yield start, tuple(run)
                run, start = [], i + 1
                follows_label = word.text.endswith((":", ".", "#")) or not any(c.isdigit() for c in word.text)
            else:
                run.append(word)
        if run and not follows_label:
            yield start, tuple(run)
        first += len(cell.words)


def _leading_name(words: Sequence[Word], next_text: str) -> tuple[Word, ...]:
    """Return the words of a patient's name at the start of words without a label; empty if there is none.
    `next_text`: the label after the words; empty if there is none.
    """
    if len(words) > 1 and LABEL_REMNANT.fullmatch(words[0].text):
        words = words[1:]
    name = name_parsing.name_words(words)
    rest = words[len(name) :]
    if not name_parsing.is_name(name) or name_parsing.credential_follows(words, name):
        return ()
    if name[-1].text.endswith(":"):
        return ()  # a heading, such as "Interval Events:"
    if rest and not _may_follow_name(rest[0]):
        return ()
    if name_parsing.is_organization_word(next_text):
        return ()
    if not next_text and any(page_zones.FACILITY_WORD.search(word.text) for word in words):
        return ()
    if name_parsing.is_town(name, rest):
        return ()
    return name


def _is_asked_above(
    name: Sequence[Word], index: int, labels: Mapping[int, tuple[Label, ...]], layout: Layout
) -> bool:
    """Return whether a label right above the name asks for it: another person's, or it would have a label."""
    left = name[0].box[0]
    slack = MAX_LABEL_OFFSET_LINES * layout.line_height
    return any(
        label.box[0] - slack <= left <= label.box[2]
        and name[0].box[1] - label.box[3] <= layout.line_height
        and not any(c.isdigit() for c in _text_after(label, layout))
        for label in labels.get(index - 1, ())
    )


def _text_after(label: Label, layout: Layout) -> str:
    """Return the text of the label's row after the label."""
    words = [word for cell in layout.rows[label.row] for word in cell.words]
    return " ".join(word.text for word in words[label.end :])


def _may_follow_name(word: Word) -> bool:
    """Return whether the word may follow an unlabeled name: a number, a label or a bar, not a word of a
    sentence.
    """
    return (
        word.text[:1].isdigit()
        or word.text[:2].strip("(").isdigit()
        or word.text.endswith(":")
        or not any(c.isalpha() for c in word.text)
    )


def find_unlabeled_dates(layout: Layout, labels: Mapping[int, tuple[Label, ...]]) -> Iterator[FieldCandidate]:
    """Yield dates that are alone in their cell, as in a letter. Dates of signing and dictation, and dates
    after a label of another kind, are not among them. `beside` of the evidence: the date belongs to the
    other cells of its row, or to a label above or below it.
    """
    texts = layout.texts()
    on_card = is_identity_card(layout)
    is_letter = any(SALUTATION.match(text) for text in texts)
    for index, row in enumerate(layout.rows):
        near = " ".join(texts[max(index - 1, 0) : index + 2])
        if page_zones.is_fax_line(texts[index]) or index in labels:
            continue
        if page_zones.SIGNING.search(texts[index]) or page_zones.SIGNATURE_DATE_ROW.search(near):
            continue
        for cell in row:
            if any(word.text.endswith(":") for word in cell.words):
                continue
            dates = list(find_dates(cell.words))
            if len(dates) != 1:
                continue  # "10/10/2024 10/19/2024" is a period
            for parsed in dates:
                times = sum(TIME.fullmatch(word.text) is not None for word in cell.words)
                if len(parsed.words) >= len(cell.words) - max(times, 1):
                    evidence = measure_evidence(layout, parsed.words, 0.0)
                    evidence["ambiguous_order"] = float(parsed.order == "ambiguous")
                    evidence["identity_card"] = float(on_card)
                    evidence["letter"] = float(is_letter)
                    evidence["beside"] = float(len(row) > 1 or _is_near_label(index, labels, layout))
                    value = parsed.value.isoformat()
                    yield make_candidate(
                        layout, "date_of_service", value, parsed.words, index, evidence, "alone"
                    )


def _is_near_label(index: int, labels: Mapping[int, tuple[Label, ...]], layout: Layout) -> bool:
    """Return whether the row is the value of a label above it or of a caption below it."""
    left = layout.rows[index][0].box[0]
    slack = MAX_LABEL_OFFSET_LINES * layout.line_height
    ends = {cell.words[-1].box for row in layout.rows[max(index - 1, 0) : index + 2] for cell in row}
    return any(
        abs(label.box[0] - left) <= slack and any(label.box[2] == end[2] for end in ends)
        for row in (index - 1, index + 1)
        for label in labels.get(row, ())
    )


def find_date_orders(layout: Layout) -> Iterator[FieldCandidate]:
    """Yield the order of day and month that each date of the page proves, as values of "date_order"."""
    for index, row in enumerate(layout.rows):
        for cell in row:
            for parsed in find_dates(cell.words):
                if (
                    parsed.order in ("day_first", "month_first")
                    and not parsed.corrected
                    and min(word.confidence for word in parsed.words) >= MIN_ORDER_CONFIDENCE
                ):
                    evidence = measure_evidence(layout, parsed.words, 0.0)
                    yield make_candidate(layout, DATE_ORDER, parsed.order, parsed.words, index, evidence)


def find_letterhead_and_signers(layout: Layout) -> Iterator[FieldCandidate]:
    """Yield the facility in the letterhead and the authors in signature lines."""
    head = page_zones.find_letterhead(layout)
    if head:
        evidence = measure_evidence(layout, head.words, LETTERHEAD_STRENGTH)
        text = page_zones.normalized_text(head.words)
        yield make_candidate(layout, "facility", text, head.words, head.row, evidence, "letterhead")
    for words, row in page_zones.find_signers(layout):
        evidence = measure_evidence(layout, words, SIGNER_STRENGTH)
        author = name_parsing.natural_name_order(words)
        yield make_candidate(layout, "author", author, words, row, evidence, "signer")
