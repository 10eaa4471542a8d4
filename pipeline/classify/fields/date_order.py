"""Decide whether day or month comes first in the numeric dates of a document, such as 03/04/2012.

The document's own dates, and the forms that it prints for dates ("DD/MM/YYYY"), decide. Without them, a
document of the hospital's own country has the order of the setting `classify.date_order`. Whether it comes
from another country is seen in its letterhead and its last lines: a telephone number, country or postal code.
If the document shows both orders, or none and comes from another country, the order is in doubt, and a person
decides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Literal, TypeAlias

from pipeline.config import document_types
from pipeline.records import Reason

ProvenOrder: TypeAlias = Literal["day_first", "month_first"]
Country: TypeAlias = Literal["day_first_country", "month_first_country"]
"""Evidence of where a document comes from: a country in which the day usually comes first (or both orders are
used), or the United States."""

PRINTED_FORMS: Mapping[ProvenOrder, re.Pattern[str]] = {
    # also TT.MM.JJJJ (German), JJ/MM/AAAA (French) and DD/MM/AAAA (Spanish, Portuguese)
    "day_first": re.compile(
        r"\b(?:dd?|tt?|jj?|day)\s?[/.-]\s?(?:mm?|month)\s?[/.-]\s?(?:[yja]{2,4}|year)\b", re.IGNORECASE
    ),
    "month_first": re.compile(
        r"\b(?:mm?|month)\s?[/.-]\s?(?:dd?|day)\s?[/.-]\s?(?:y{2,4}|year)\b", re.IGNORECASE
    ),
}
"""The forms of dates that forms print next to their fields, by the order that they prove."""

LETTERHEAD_ROWS, LAST_ROWS = 6, 4
"""Rows at the top and at the bottom of a page that name its sender. Other rows may have the address of a
patient from abroad.
"""

ABROAD: Mapping[ProvenOrder, Country] = {
    "month_first": "day_first_country",
    "day_first": "month_first_country",
}
"""The countries that put the order in doubt, by the usual order in the hospital's own documents."""

FOREIGN_PHONE = re.compile(r"(?<![\w+])\+(?:[2-9]\d|7)\d?[\s().-]+(?:\d[\s().-]*){7,12}(?!\d)")
"""An international number that does not begin with +1 (North America)."""

COUNTRIES = (
    "Argentina", "Australia", "Austria", "Belgium", "Brasil", "Brazil", "Canada", "Chile", "Colombia",
    "Czech Republic", "Danmark", "Denmark", "Deutschland", "Egypt", "England", "España", "Finland", "France",
    "Germany", "Ghana", "Greece", "Hong Kong", "Hungary", "India", "Ireland", "Israel", "Italia", "Italy",
    "Kenya", "Malaysia", "Mexico", "México", "Nederland", "Netherlands", "New Zealand", "Nigeria", "Norway",
    "Österreich", "Pakistan", "Peru", "Perú", "Poland", "Polska", "Portugal", "Romania", "Schweiz",
    "Scotland", "Singapore", "South Africa", "Spain", "Suisse", "Sverige", "Sweden", "Switzerland", "Turkey",
    "UK", "U.K.", "Ukraine", "United Kingdom", "Wales",
)  # fmt: skip
"""Countries from which charts come and in which the day usually comes first, or both orders are used."""

FOREIGN_ADDRESS = re.compile(
    rf"(?:^|[,;|])\s*(?:(?:Northern|Republic of|the)\s)?(?i:{'|'.join(map(re.escape, COUNTRIES))})\s*[.,;|]?$"
    r"|[a-z]{3},?\s[A-Z]{1,2}\d[A-Z\d]?\s\d[A-Z]{2}$"  # London SE5 9RS
    r"|\b[A-Z]\d[A-Z]\s\d[A-Z]\d$"  # Ottawa ON K1A 0B6
    r"|\bNHS\b"
)
"""The end of an address in such a country, a British or Canadian postal code, or "NHS"."""

AMERICAN_ADDRESS = re.compile(r"[a-z],?\s[A-Z]{2},?\s\d{5}(?:-\d{4})?$|(?:^|[,;|])\s*U\.?S\.?A\.?$")
"""The end of an address in the United States."""

DATE_NAMES = {"dob": "birth date", "date_of_service": "date of service"}
"""The dates about which a doubt is reported, as they are called in messages."""

CODE_PREFIX = "ambiguous_"


def find_order_evidence(rows: Sequence[str]) -> Iterator[ProvenOrder | Country]:
    """Yield what the text of a page, without its dates, shows about the order of day and month.

    Args:
        rows: The page's lines, from top to bottom.
    """
    for order, form in PRINTED_FORMS.items():
        if any(form.search(row) for row in rows):
            yield order
    sender_rows = [row.strip() for row in (*rows[:LETTERHEAD_ROWS], *rows[LETTERHEAD_ROWS:][-LAST_ROWS:])]
    if any(FOREIGN_PHONE.search(row) or FOREIGN_ADDRESS.search(row) for row in sender_rows):
        yield "day_first_country"
    if any(AMERICAN_ADDRESS.search(row) for row in sender_rows):
        yield "month_first_country"


def decide_order(evidence: Collection[str], usual: ProvenOrder) -> ProvenOrder | None:
    """Return the order of a document's numeric dates; None if it is in doubt.

    Args:
        evidence: The orders that its dates and printed forms prove, and where it comes from.
        usual: The order in the hospital's own documents (`classify.date_order`).
    """
    proven = [order for order in PRINTED_FORMS if order in evidence]
    if len(proven) == 1:
        return proven[0]
    return None if proven or ABROAD[usual] in evidence else usual


def ambiguous_date(field: str, value: str) -> Reason:
    """Return the doubt about a date.

    Args:
        field: "dob" or "date_of_service".
        value: The date as it was read, in ISO form.
    """
    read = date.fromisoformat(value)
    other = read.replace(month=read.day, day=read.month)
    days = " or ".join(f"{day:%B} {day.day}, {day.year}" for day in (read, other))
    detail = f"The {DATE_NAMES[field]} may be {days}: the document does not show whether the month is first."
    return Reason(code=f"{CODE_PREFIX}{field}", detail=detail)


def required_doubts(issues: Iterable[Reason], document_type: str) -> list[Reason]:
    """Return the issues without a doubt about a date of service that the document's type does not require. A
    birth date helps to decide whose chart it is, so a doubt about it always remains.
    """
    known = document_types().get(document_type)
    required = known.required_fields if known else ("date_of_service",)
    return [
        issue
        for issue in issues
        if issue.code != f"{CODE_PREFIX}date_of_service" or "date_of_service" in required
    ]
