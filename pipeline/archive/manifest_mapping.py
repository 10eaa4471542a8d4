"""What a manifest means: which column is what, how dates are written, what the old type codes are. One TOML
file each.

A table is a CSV of any kind; a tree is a folder whose paths say everything. config/manifests/ has one of each
to start from."""

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
MEANINGS = ("path", "document", "page", "pages", "batch", "mrn", "type", "date")
"""What a column, or a named group of a tree's pattern, can be."""

Meaning = Literal["path", "document", "page", "pages", "batch", "mrn", "type", "date"]


class Mapping(BaseModel):
    """The description of a manifest. `columns` name a header's columns, or count from 1 where there is no
    header.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["table", "tree"]
    encoding: str = "utf-8-sig"
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    """"": nothing is quoted."""
    header: bool = True
    columns: dict[Meaning, str | int] = Field(default_factory=dict)
    pattern: str = ""
    """For a tree: a regular expression over a file's path below the root, whose named groups are meanings."""
    join: Literal["none", "document", "folder"] = "none"
    """Files that are the pages of one document: rows that follow each other with the same document, or the
    files of a folder.
    """
    whole: bool = True
    """A document of the manifest is one document; false: it is a chart, to be cut."""
    strip: str = ""
    """What stands before the path in the manifest and not below the root, such as D:\\IMAGES\\."""
    ignore_case: bool = False
    dates: tuple[str, ...] = ("%Y-%m-%d",)
    types: dict[str, str] = Field(default_factory=dict)
    """Old type code to our type; a code that is a type of ours need not be named."""

    @field_validator("types")
    @classmethod
    def _known_types(cls, types: dict[str, str]) -> dict[str, str]:
        wrong = sorted(set(types.values()) - set(document_types()))
        if wrong:
            raise ValueError(f"{wrong[0]!r} is no document type of config/document_types.toml")
        return types

    @model_validator(mode="after")
    def _says_where_files_are(self) -> Mapping:
        if self.kind == "table" and "path" not in self.columns:
            raise ValueError("columns has no path: which column names the file?")
        if self.kind == "table" and self.join == "folder":
            raise ValueError("join = folder is for a tree")
        if self.join == "document" and (self.kind == "tree" or "document" not in self.columns):
            raise ValueError("join = document needs a column document")
        if not self.header and any(isinstance(column, str) for column in self.columns.values()):
            raise ValueError("without a header, columns are counted from 1")
        try:
            named = set(re.compile(self.pattern).groupindex)
        except re.error as error:
            raise ValueError(f"pattern is no regular expression: {error}") from None
        if named - set(MEANINGS):
            raise ValueError(
                f"pattern names {sorted(named - set(MEANINGS))[0]!r}; known are {', '.join(MEANINGS)}"
            )
        return self

    def type_of(self, code: str) -> str | None:
        """Our type for an old code; None where it is not mapped."""
        return self.types.get(code) or (code if code in document_types() else None)

    def date_of(self, text: str) -> str | None:
        """A date in ISO; None where it is none in any of the formats."""
        return iso_date(text, self.dates)


@lru_cache(maxsize=65536)
def iso_date(text: str, formats: tuple[str, ...]) -> str | None:
    """The first format that fits decides."""
    for written in formats:
        try:
            return datetime.strptime(text, written).date().isoformat()
        except ValueError:
            continue
    return None


def load_mapping(name: str) -> Mapping:
    """The mapping of config/manifests/NAME.toml, or of a file. Raises ConfigurationError, naming what is wrong."""
    file = Path(name) if name.endswith(".toml") else MANIFESTS / f"{name}.toml"
    if not file.is_file():
        known = ", ".join(sorted(found.stem for found in MANIFESTS.glob("*.toml")))
        raise ConfigurationError(f"There is no mapping {name}.", f"Name a .toml file, or one of {known}.")
    try:
        return mapping_from(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file.name} is not valid TOML: {error}.", "See docs/reference/migrate.md."
        ) from None
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'mapping'}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{file.name}: {wrong}.", "See docs/reference/migrate.md.") from None


def mapping_from(table: dict[str, Any]) -> Mapping:
    """A mapping of its table. Raises pydantic's ValidationError."""
    return Mapping(**table)
