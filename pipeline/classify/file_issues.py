"""What is unusual about a file as a reason to review each of its documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pipeline.records import Reason, Segmentation

REVIEWED_NOTES = ("attachments", "xfa_form", "concatenated_pdfs", "file_grew")
"""The codes of notes that a person must see before a document of the file is filed: pages may be missing, or
belong to another document. Other notes (signed, javascript) are only shown.
"""


def add_file_issues(segmentation: Segmentation, notes: Iterable[Reason]) -> Segmentation:
    """Return the segmentation with the notes about the file that need a review as issues of each document."""
    issues = tuple(note for note in notes if note.code in REVIEWED_NOTES)
    if not issues:
        return segmentation
    documents = (replace(document, issues=(*document.issues, *issues)) for document in segmentation.documents)
    return replace(segmentation, documents=tuple(documents))
