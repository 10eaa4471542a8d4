"""Where a file comes from, and what its folder says about it.

Subfolders of the intake folder have a meaning (config/intake_folders.toml): files in `STAT/` go first,
`cardiology/` names a department. The first subfolder without a meaning is a batch: `ROI/box 17/` is the batch
"box 17" of release of information.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path, PurePath
from typing import TypeAlias

from pipeline.config import document_types
from pipeline.errors import ConfigurationError
from pipeline.records import LegacyMetadata, Priority
from pipeline.resources import CONFIG

ALLOWED_KEYS = {"source", "department", "default_type", "priority", "stable_seconds"}
MAX_STABLE_SECONDS = 604_800

Meaning: TypeAlias = dict[str, str | float]
"""An entry of config/intake_folders.toml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What is known about a file before it is opened.

    Attributes:
        batch: The name of the batch that the file belongs to.
        stable_seconds: How long the files of this folder must be unchanged; None for `intake.stable_seconds`.
        legacy_metadata: The entry of a legacy index.
    """

    source: str = "intake"
    department: str | None = None
    default_type: str | None = None
    priority: Priority = Priority.LIVE
    batch: str | None = None
    stable_seconds: float | None = None
    legacy_metadata: LegacyMetadata | None = None


def origin_of(inside: PurePath, meanings: dict[str, Meaning] | None = None) -> Origin:
    """Return the origin of a file by its path below the intake folder."""
    known = subfolder_meanings() if meanings is None else meanings
    origin = Origin()
    for folder in inside.parts[:-1]:
        meaning = known.get(folder.casefold())
        if meaning is None:
            return replace(origin, batch=printable(folder))
        given = {key: value for key, value in meaning.items() if key != "priority"}
        if "priority" in meaning:
            origin = replace(origin, priority=Priority[str(meaning["priority"]).upper()])
        origin = replace(origin, **given)  # type: ignore[arg-type]
    return origin


@cache
def subfolder_meanings(file: Path = CONFIG / "intake_folders.toml") -> dict[str, Meaning]:
    """Return the meanings of subfolders by name in lower case. Raises ConfigurationError."""
    table = tomllib.loads(file.read_text(encoding="utf-8"))
    for name, meaning in table.items():
        wrong = set(meaning) - ALLOWED_KEYS
        if wrong:
            raise ConfigurationError(
                f"{file.name}: [{name}] has an unknown key {sorted(wrong)[0]}.",
                f"Allowed keys: {', '.join(sorted(ALLOWED_KEYS))}.",
            )
        seconds = meaning.get("stable_seconds", 0.0)
        if not isinstance(seconds, int | float) or not 0 <= seconds <= MAX_STABLE_SECONDS:
            raise ConfigurationError(
                f"{file.name}: [{name}] has a wrong stable_seconds.",
                f"Use a number from 0 to {MAX_STABLE_SECONDS:,}.",
            )
        if str(meaning.get("priority", "live")).upper() not in Priority.__members__:
            raise ConfigurationError(
                f"{file.name}: [{name}] has an unknown priority.", "Use stat, live or backfill."
            )
        if meaning.get("default_type") not in (None, *document_types()):
            raise ConfigurationError(
                f"{file.name}: [{name}] has an unknown default_type.",
                "Use a type of config/document_types.toml.",
            )
    return {name.casefold(): meaning for name, meaning in table.items()}


def printable(name: str | os.PathLike[str]) -> str:
    """Return a file name as text that Postgres can store: bytes outside UTF-8 become backslash escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
