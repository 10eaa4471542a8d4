"""The catalog of document types."""

from __future__ import annotations

import tomllib
from functools import cache

from pipeline.records import DocumentType
from pipeline.resources import CONFIG


@cache
def document_types() -> dict[str, DocumentType]:
    """Return the catalog of config/document_types.toml, by key."""
    table = tomllib.loads((CONFIG / "document_types.toml").read_text(encoding="utf-8"))
    return {
        key: DocumentType(
            key=key,
            name=entry["name"],
            loinc=entry.get("loinc"),
            department=entry["department"],
            clinical=entry["clinical"],
            required_fields=tuple(entry.get("required_fields", ())),
            retention=entry["retention"],
            titles=tuple(entry.get("titles", ())),
            weak_titles=tuple(entry.get("weak_titles", ())),
            files_as=entry.get("files_as"),
            near=tuple(entry.get("near", ())),
            confidentiality=entry.get("confidentiality", "N"),
        )
        for key, entry in table.items()
    }
