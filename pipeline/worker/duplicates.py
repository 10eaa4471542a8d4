"""Find documents that are in the chart already: the same pages saved or scanned at another time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from pipeline.index.filing import date_of_service
from pipeline.matching.near_duplicates import ComparedPage, is_near_duplicate
from pipeline.records import Document, Filed, Filing, NeedsReview, Outcome, Reason
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.worker")


def review_duplicates(connection: Connection, outcome: Outcome, read_blob: Callable[[str], bytes]) -> Outcome:
    """Return the outcome with a review for each filed document that is a near-duplicate of another document
    in the same chart.

    Args:
        connection: The database.
        outcome: The outcome of a scan.
        read_blob: Returns the bytes of a preview by its SHA-256.

    Locks the rows of the patients until the end of the transaction, so that two workers that file the same
    pages at the same time see each other's documents.
    """
    patients = sorted({filing.patient.id for filing in outcome.filings if isinstance(filing, Filed)})
    if not patients:
        return outcome
    connection.execute(SQL["lock_patients"], [patients])
    pages = {page.number: page for page in outcome.pages}

    def compared(document: Document) -> list[ComparedPage]:
        return [
            _compared_page(pages[number].text, pages[number].preview, read_blob) for number in document.pages
        ]

    filings: list[Filing] = []
    for filing in outcome.filings:
        reason = None
        if isinstance(filing, Filed):
            reason = _duplicate_in_scan(filing, filings, compared) or _duplicate_in_chart(
                connection, filing, compared(filing.document), read_blob
            )
        filings.append(filing if reason is None else _with_reason(filing, reason))
    return replace(outcome, filings=tuple(filings))


def _compared_page(text: str, preview: str | None, read_blob: Callable[[str], bytes]) -> ComparedPage:
    return ComparedPage(text=text, picture=None if preview is None else partial(read_blob, preview))


def _duplicate_in_scan(
    filing: Filed, earlier: Sequence[Filing], compared: Callable[[Document], list[ComparedPage]]
) -> Reason | None:
    """Return a reason that names the near-duplicate earlier in the same scan."""
    for other in earlier:
        if (
            isinstance(other, Filed)
            and other.patient == filing.patient
            and is_near_duplicate(compared(filing.document), compared(other.document))
        ):
            pages = ", ".join(map(str, other.document.pages))
            detail = f"This seems to be a duplicate of page {pages} of the same scan."
            return Reason(code="possible_duplicate", detail=detail)
    return None


def _duplicate_in_chart(
    connection: Connection, filing: Filed, pages: Sequence[ComparedPage], read_blob: Callable[[str], bytes]
) -> Reason | None:
    """Return a reason that names the near-duplicate in the chart."""
    params = {
        "patient": filing.patient.id,
        "date": date_of_service(filing.document),
        "pages": len(filing.document.pages),
    }
    for row in connection.execute(SQL["documents_of_same_date"], params):
        others = [
            _compared_page(text, preview, read_blob)
            for text, preview in zip(row["texts"], row["previews"], strict=True)
        ]
        if is_near_duplicate(pages, others):
            detail = f"This seems to be a duplicate of document {row['id']}, which is in the chart."
            return Reason(code="possible_duplicate", detail=detail)
    return None


def _with_reason(filing: Filing, reason: Reason) -> NeedsReview:
    return NeedsReview(
        document=filing.document,
        probability=filing.probability,
        candidates=filing.candidates,
        reasons=(reason,),
    )
