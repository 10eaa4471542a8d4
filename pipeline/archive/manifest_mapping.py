"""The mapping of a manifest: the meaning of its columns, its date formats and its old type codes, one TOML
file each.

A table is a CSV file of any kind. A tree is a folder whose paths have all the information. config/manifests/
has an example of each.
"""

from __future__ import annotations

import re
import tomllib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from pipeline.config import document_types
from pipeline.errors import ConfigurationError
from pipeline.resources import CONFIG

MANIFESTS = CONFIG / "manifests"
COLUMN_MEANINGS = ("path", "document", "page", "pages", "batch", "mrn", "type", "date")
"""The meanings of a column, or of a named group of a tree's pattern."""

ColumnMeaning = Literal["path", "document", "page", "pages", "batch", "mrn", "type", "date"]


class ManifestMapping(BaseModel):
    """The mapping of a manifest. `columns` are names of the header, or numbers from 1 without a header."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["table", "tree"]
    encoding: str = "utf-8-sig"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    """"" if nothing is quoted."""
    header: bool = True
    columns: dict[ColumnMeaning, str | int] = Field(default_factory=dict)
    pattern: str = ""
    """For a tree: a regular expression over a file's path below the root, whose named groups are meanings."""
    join: Literal["none", "document", "folder"] = "none"
    """Which files are the pages of one document: those of consecutive rows with the same document, or of one
    folder.
    """
    whole: bool = True
    """True: a document of the manifest is one document. False: it is a chart that has to be split."""
    strip: str = ""
    """A prefix of the paths in the manifest that the root does not have, such as D:\\IMAGES\\."""
    ignore_case: bool = False
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    types: dict[str, str] = Field(default_factory=dict)
    """Old type codes and their document types. A code that is a document type itself need not be listed."""

    @field_validator("types")
    @classmethod
    def _known_types(cls, types: dict[str, str]) -> dict[str, str]:
        wrong = sorted(set(types.values()) - set(document_types()))
        if wrong:
            raise ValueError(f"{wrong[0]!r} is not a document type of config/document_types.toml")
        return types

    @model_validator(mode="after")
    def _check_columns(self) -> ManifestMapping:
        if self.kind == "table" and "path" not in self.columns:
            raise ValueError("columns has no path: add the column that names the file")
        if self.kind == "table" and self.join == "folder":
            raise ValueError("join = folder is only for a tree")
        if self.join == "document" and (self.kind == "tree" or "document" not in self.columns):
            raise ValueError("join = document needs a column document")
        if not self.header and any(isinstance(column, str) for column in self.columns.values()):
            raise ValueError("without a header, columns must be numbers from 1")
        try:
            named = set(re.compile(self.pattern).groupindex)
        except re.error as error:
            raise ValueError(f"pattern is not a regular expression: {error}") from None
        unknown = sorted(named - set(COLUMN_MEANINGS))
        if unknown:
            raise ValueError(f"pattern names {unknown[0]!r}; allowed are {', '.join(COLUMN_MEANINGS)}")
        return self

    def type_of(self, code: str) -> str | None:
        """Return the document type for an old code; None if it is not mapped."""
        return self.types.get(code) or (code if code in document_types() else None)

    def date_of(self, text: str) -> str | None:
        """Return a date in ISO format; None if it matches none of the formats."""
        return iso_date(text, self.dates)


@lru_cache(maxsize=65536)
def iso_date(text: str, formats: tuple[str, ...]) -> str | None:
    """Return the date in ISO format by the first format that matches; None if none does."""
    for written in formats:
        try:
            return datetime.strptime(text, written).date().isoformat()
        except ValueError:
            continue
    return None


def load_mapping(name: str) -> ManifestMapping:
    """Return the mapping of config/manifests/NAME.toml, or of a file. Raises ConfigurationError."""
    file = Path(name) if name.endswith(".toml") else MANIFESTS / f"{name}.toml"
    if not file.is_file():
        names = ", ".join(sorted(found.stem for found in MANIFESTS.glob("*.toml")))
        raise ConfigurationError(f"There is no mapping {name}.", f"Give a .toml file, or one of {names}.")
    try:
        return mapping_from(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file.name} is not valid TOML: {error}.", "See docs/reference/migrate.md."
        ) from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'mapping'}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{file.name}: {wrong}.", "See docs/reference/migrate.md.") from None


def mapping_from(table: dict[str, Any]) -> ManifestMapping:
    """Return the mapping of a TOML table. Raises pydantic.ValidationError."""
    return ManifestMapping(**table)
