"""Named SQL: statements live in .sql files, each under a line `-- name: the_name`, and are called by that
name.

queries = statements("pipeline.index")    # every .sql file of that package
connection.execute(queries["file_document"], {...})
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import LiteralString, cast

NAME = re.compile(r"^-- name: (\w+)[ \t]*$", re.MULTILINE)


@cache
def statements(package: str) -> dict[str, LiteralString]:
    """Return the named statements of a package's .sql files.

    Raises:
        ValueError: Two statements have the same name.
    """
    found: dict[str, LiteralString] = {}
    for file in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
        if file.name.endswith(".sql"):
            _, *parts = NAME.split(file.read_text(encoding="utf-8"))
            for name, body in zip(parts[::2], parts[1::2], strict=True):
                if name in found:
                    raise ValueError(f"{package}: two statements are named {name}")
                found[name] = cast("LiteralString", body.strip())
    return found
