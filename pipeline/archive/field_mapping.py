"""What a document of the manifest says, in our words: record number, type and date, and what is wrong with
each.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.crosswalk import Crosswalk
from pipeline.archive.manifest import Listed, Problem
from pipeline.archive.manifest_mapping import Mapping
from pipeline.config import ArchiveSettings
from pipeline.matching.legacy_index_evidence import UNKNOWN_MRN
from pipeline.records import LegacyMetadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """`mrn`: ours. The problems are those of the manifest and those of its meaning; no file has been looked
    at.
    """

    mrn: str | None
    type: str | None
    date: str | None
    problems: tuple[Problem, ...]


def meaning_of(listed: Listed, mapping: Mapping, numbers: Crosswalk) -> Meaning:
    """What the document says; what means nothing is a problem and is not known."""
    problems = list(listed.problems)
    mrn = numbers.ours(listed.mrn) if listed.mrn else None
    kind = mapping.type_of(listed.type) if listed.type else None
    date = mapping.date_of(listed.date) if listed.date else None
    if listed.mrn and mrn is None:
        problems.append(
            Problem(code="unknown_patient", detail=f"the crosswalk has no one patient for {listed.mrn}")
        )
    if listed.type and kind is None:
        problems.append(Problem(code="unmapped_type", detail=f"the mapping has no type for {listed.type}"))
    if listed.date and date is None:
        problems.append(Problem(code="bad_date", detail=f"{listed.date} is no date of the mapping's forms"))
    return Meaning(mrn=mrn, type=kind, date=date, problems=tuple(problems))


def given_by(listed: Listed, meaning: Meaning, mapping: Mapping, settings: ArchiveSettings) -> LegacyMetadata:
    """What goes along with the scan, as far as the settings trust it."""
    trusted = {"patient": settings.patient, "type": settings.type, "date": settings.date}
    no_patient = settings.patient != "ignore" and listed.mrn is not None and meaning.mrn is None
    return LegacyMetadata(
        mrn=meaning.mrn if settings.patient != "ignore" else None,
        type=meaning.type if settings.type != "ignore" else None,
        date=meaning.date if settings.date != "ignore" else None,
        pages=listed.pages,
        single_document=mapping.whole,
        trusted=tuple(what for what, trust in trusted.items() if trust == "trust"),
        issues=(UNKNOWN_MRN,) if no_patient else (),
    )
