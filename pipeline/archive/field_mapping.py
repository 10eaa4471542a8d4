"""Map the fields of a manifest's document to local terms: record number, type, date, and the problems of
each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.manifest import ManifestDocument, Problem
from pipeline.archive.manifest_mapping import ManifestMapping
from pipeline.config import ArchiveSettings
from pipeline.matching.legacy_index_evidence import UNKNOWN_MRN
from pipeline.records import LegacyMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedFields:
    """The fields in local terms.

    Attributes:
        mrn: The local record number.
        problems: Those of the manifest and those of the mapping; no file has been opened.
    """

    mrn: str | None
    type: str | None
    date: str | None
    problems: tuple[Problem, ...]


def map_fields(document: ManifestDocument, mapping: ManifestMapping, crosswalk: Crosswalk) -> MappedFields:
    """Return a document's fields in local terms. A value that cannot be mapped becomes None and a problem."""
    problems = list(document.problems)
    mrn = crosswalk.local_mrn(document.mrn) if document.mrn else None
    type_ = mapping.type_of(document.type) if document.type else None
    date = mapping.date_of(document.date) if document.date else None
    if document.mrn and mrn is None:
        detail = f"the crosswalk does not have exactly one patient for {document.mrn}"
        problems.append(Problem(code="unknown_patient", detail=detail))
    if document.type and type_ is None:
        detail = f"the mapping has no document type for {document.type}"
        problems.append(Problem(code="unmapped_type", detail=detail))
    if document.date and date is None:
        detail = f"{document.date} does not match any date format of the mapping"
        problems.append(Problem(code="bad_date", detail=detail))
    return MappedFields(mrn=mrn, type=type_, date=date, problems=tuple(problems))


def legacy_metadata_for(
    document: ManifestDocument, fields: MappedFields, mapping: ManifestMapping, settings: ArchiveSettings
) -> LegacyMetadata:
    """Return the metadata to store with the scan, as far as the settings trust it."""
    trust = {"patient": settings.patient, "type": settings.type, "date": settings.date}
    no_patient = settings.patient != "ignore" and document.mrn is not None and fields.mrn is None
    return LegacyMetadata(
        mrn=fields.mrn if settings.patient != "ignore" else None,
        type=fields.type if settings.type != "ignore" else None,
        date=fields.date if settings.date != "ignore" else None,
        pages=document.pages,
        single_document=mapping.whole,
        trusted=tuple(field for field, level in trust.items() if level == "trust"),
        issues=(UNKNOWN_MRN,) if no_patient else (),
    )
