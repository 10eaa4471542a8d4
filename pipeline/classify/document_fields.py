"""Select the index fields of a document from its pages, with the order of day and month that the whole
document shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from pipeline.classify.fields import FieldCandidate, FieldResults, select_fields
from pipeline.classify.fields.date_order import (
    DATE_NAMES,
    ProvenOrder,
    ambiguous_date,
    decide_order,
    find_order_evidence,
)
from pipeline.classify.fields.field_candidates import DATE_ORDER
from pipeline.classify.page_features import PageFeatures
from pipeline.config import ClassifySettings
from pipeline.records import Field, Reason


def select_document_fields(pages: Sequence[PageFeatures], settings: ClassifySettings) -> FieldResults:
    """Return the best value of each field, with the disagreements between the pages, and the doubts about the
    order of day and month in the birth date and the date of service.
    """
    candidates = [candidate for page in pages for candidate in page.candidates]
    proofs = [candidate for candidate in candidates if candidate.field == DATE_ORDER]
    dated = [candidate for candidate in candidates if candidate.field != DATE_ORDER]
    evidence = {proof.value for proof in proofs}
    evidence |= {found for page in pages for found in find_order_evidence(page.layout.texts())}
    order = decide_order(evidence, settings.date_order)
    results = select_fields((*dated, *_order_candidates(evidence, order)), settings)
    doubts = () if order else tuple(_order_doubts(results.fields, dated))
    return replace(results, issues=(*results.issues, *doubts))


def _order_candidates(evidence: Iterable[str], order: ProvenOrder | None) -> Iterator[FieldCandidate]:
    """Yield the order of day and month as `select_fields` expects it: the document's order if it is proven or
    day first, both orders if it is in doubt, none if month first is only usual.
    """
    known: tuple[ProvenOrder, ...] = ("day_first", "month_first")
    if order is not None:
        known = (order,) if order in evidence or order == "day_first" else ()
    for value in known:
        yield FieldCandidate(field=DATE_ORDER, value=value, page=0, box=(0, 0, 0, 0), row=0)


def _order_doubts(fields: Iterable[Field], candidates: Sequence[FieldCandidate]) -> Iterator[Reason]:
    """Yield a doubt for each date of which every reading is ambiguous. One that is not, such as a date in
    words, decides.
    """
    for field in fields:
        readings = [c for c in candidates if c.value == field.value and "ambiguous_order" in c.evidence]
        if field.name in DATE_NAMES and readings and all(c.evidence["ambiguous_order"] for c in readings):
            yield ambiguous_date(field.name, field.value)
