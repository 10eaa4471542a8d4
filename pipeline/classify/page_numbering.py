"""The page numbers that are printed on the pages of a document ("Page 2 of 3"): whether pages are missing or
in another order, and the order that the numbers state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from pipeline.classify.page_features import PAGE_OF, PageFeatures
from pipeline.records import Reason

OWN_LINE = re.compile(r"Page\s*(\d{1,3})\s*(?:of|/)\s*(\d{1,3})", re.IGNORECASE)
"""A page number with its total that is a line of its own."""


def find_page_number_conflicts(pages: Sequence[PageFeatures]) -> Iterator[Reason]:
    """Yield an issue if the printed page numbers of a document ("Page 2 of 3") show that pages are missing,
    or that the pages are in another order. Pages without a printed total are not checked.
    """
    numbered = [found for page in pages if (found := number_and_total(page)) is not None]
    totals = {total for _, total in numbered}
    if len(totals) != 1:
        return
    (total,) = totals
    numbers = [number for number, _ in numbered]
    listed = ", ".join(map(str, numbers))
    if any(b < a for a, b in pairwise(numbers)):
        detail = f"The pages are not in the order of their printed numbers: {listed}."
        yield Reason(code="page_order", detail=detail)
    missing = sorted(set(range(1, total + 1)) - set(numbers))
    pages_without_number = len(pages) - len(numbered)
    if len(missing) > pages_without_number:
        absent = ", ".join(map(str, missing))
        detail = f"The printed numbers count {total} pages, but page {absent} is missing here. "
        detail += "It may be elsewhere in the scan, if the paper was not in order."
        yield Reason(code="incomplete_pages", detail=detail)


def number_and_total(page: PageFeatures) -> tuple[int, int] | None:
    """Return (number, total) as printed in a margin of the page, or on a line of its own anywhere."""
    texts = page.layout.texts()
    has_word = any(PAGE_OF.search(text) for text in texts)  # "(3/5)" alone may be a score
    if has_word and page.printed_number is not None and page.printed_total is not None:
        return page.printed_number, page.printed_total
    for text in texts:
        match = OWN_LINE.fullmatch(text.strip())
        if match and 0 < (number := int(match[1])) <= (total := int(match[2])):
            return number, total
    return None


def printed_order(pages: Sequence[PageFeatures]) -> tuple[int, ...] | None:
    """Return the pages' numbers in the scan, in the order of the numbers that are printed on them; None if
    these state no single order.

    A page without a printed number is the missing page if only one page is missing and only one has no
    number. Otherwise it stays behind the page that it follows now: it may be the back of that page.
    """
    printed = {page.page.number: number_and_total(page) for page in pages}
    numbered = {scan_number: found for scan_number, found in printed.items() if found is not None}
    places = {scan_number: number for scan_number, (number, _) in numbered.items()}
    totals = {total for _, total in numbered.values()}
    if len(totals) != 1 or len(set(places.values())) != len(places):
        return None
    missing = sorted(set(range(1, max(totals) + 1)) - set(places.values()))
    unnumbered = [scan_number for scan_number in printed if scan_number not in numbered]
    if len(missing) == len(unnumbered) == 1:
        places[unnumbered[0]] = missing[0]
    order: list[tuple[int, int]] = []  # the place of each page, then its position among those with that place
    place = 0
    for position, scan_number in enumerate(printed):
        place = places.get(scan_number, place)
        order.append((place, position))
    scan_numbers = list(printed)
    return tuple(scan_numbers[position] for _, position in sorted(order))
