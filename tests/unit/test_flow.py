"""The whole flow with stages written for the test: the order of steps, and every page accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from pipeline.errors import PageAccountingError
from pipeline.flow import process
from pipeline.records import Candidate, Document, Filing, OcrPage, Page, Scan, Segmentation
from tests.support.scan_records import a_document, a_page, needs_review

SCAN = Scan(id=1, sha256="a" * 64, name="a.tif", media_type="image/tiff", size=1)


class Stages:
    """Three pages that are segmented as requested."""

    def __init__(self, sorting: Segmentation) -> None:
        self.segmentation = sorting
        self.calls: list[str] = []

    def open(self, scan: Scan) -> Iterator[Page]:
        for number in (1, 2, 3):
            self.calls.append(f"open {number}")
            yield Page(scan=scan.sha256, number=number, image=None)

    def read(self, page: Page) -> OcrPage:
        self.calls.append(f"read {page.number}")
        return a_page(page.number)

    def segment(self, _: Sequence[OcrPage]) -> Segmentation:
        self.calls.append("segment")
        return self.segmentation

    def match(self, document: Document) -> Sequence[Candidate]:
        self.calls.append(f"match {document.pages}")
        return ()

    def decide(self, document: Document, _: Sequence[Candidate]) -> Filing:
        return needs_review(document)


def test_each_page_is_read_as_soon_as_it_is_open() -> None:
    stages = Stages(Segmentation(documents=(a_document([1, 2, 3]),)))
    process(SCAN, stages)
    assert stages.calls == [
        "open 1",
        "read 1",
        "open 2",
        "read 2",
        "open 3",
        "read 3",
        "segment",
        "match (1, 2, 3)",
    ]


def test_every_document_gets_a_decision() -> None:
    outcome = process(SCAN, Stages(Segmentation(documents=(a_document([1]), a_document([3])), blank=(2,))))
    assert [filing.document.pages for filing in outcome.filings] == [(1,), (3,)]


@pytest.mark.parametrize(
    "sorting",
    [
        Segmentation(documents=(a_document([1, 2]),)),
        Segmentation(documents=(a_document([1, 2]), a_document([2, 3]))),
        Segmentation(documents=(a_document([1, 2, 3]),), blank=(3,)),
        Segmentation(documents=(a_document([1, 2, 3, 4]),)),
    ],
    ids=[
        "a page is in no document",
        "a page is in two documents",
        "a page is blank and in a document",
        "a page is invented",
    ],
)
def test_a_segmentation_that_loses_or_duplicates_a_page_is_rejected(sorting: Segmentation) -> None:
    with pytest.raises(PageAccountingError):
        process(SCAN, Stages(sorting))
