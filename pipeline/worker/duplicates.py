"""Find documents that are in the chart already: the same pages saved or scanned at another time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pipeline.index.filing import date_of_service
from pipeline.matching.near_duplicates import is_near_duplicate
from pipeline.records import Document, Filed, Filing, NeedsReview, Outcome, Reason
from pipeline.store.database import Connection
from pipeline.store.sql import statements

SQL = statements("pipeline.worker")


def review_duplicates(connection: Connection, outcome: Outcome) -> Outcome:
    """Return the outcome with a review for each filed document that is a near-duplicate of another document
    in the same chart.

    Locks the rows of the patients until the end of the transaction, so that two workers that file the same
    pages at the same time see each other's documents.
    """
    patients = sorted({filing.patient.id for filing in outcome.filings if isinstance(filing, Filed)})
    if not patients:
        return outcome
    connection.execute(SQL["lock_patients"], [patients])
    texts = {page.number: page.text for page in outcome.pages}
    filings: list[Filing] = []
    for filing in outcome.filings:
        reason = _duplicate_reason(connection, filing, filings, texts) if isinstance(filing, Filed) else None
        filings.append(filing if reason is None else _with_reason(filing, reason))
    return replace(outcome, filings=tuple(filings))


def _duplicate_reason(
    connection: Connection, filing: Filed, earlier: Sequence[Filing], texts: Mapping[int, str]
) -> Reason | None:
    """Return a reason that names the near-duplicate: in the chart, or earlier in the same scan."""
    text = _text(filing.document, texts)
    for other in earlier:
        if (
            isinstance(other, Filed)
            and other.patient == filing.patient
            and is_near_duplicate(text, _text(other.document, texts))
        ):
            pages = ", ".join(map(str, other.document.pages))
            detail = f"This seems to be a duplicate of page {pages} of the same scan."
            return Reason(code="possible_duplicate", detail=detail)
    params = {
        "patient": filing.patient.id,
        "date": date_of_service(filing.document),
        "pages": len(filing.document.pages),
    }
    for row in connection.execute(SQL["documents_of_same_date"], params):
        if is_near_duplicate(text, row["text"]):
            detail = f"This seems to be a duplicate of document {row['id']}, which is in the chart."
            return Reason(code="possible_duplicate", detail=detail)
    return None


def _text(document: Document, texts: Mapping[int, str]) -> str:
    return "\n".join(texts[number] for number in document.pages)


def _with_reason(filing: Filing, reason: Reason) -> NeedsReview:
    return NeedsReview(
        document=filing.document,
        probability=filing.probability,
        candidates=filing.candidates,
        reasons=(reason,),
    )
