"""What reviewers said: documents that a person has looked at, with the type that the person left or gave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.classify.training.corpus import SHORTEST, Example
from pipeline.store.sql import statements

if TYPE_CHECKING:
    from pipeline.store.database import Connection

SOURCE = "reviewers"


def reviewed(connection: Connection) -> list[Example]:
    """Every filed document that a person decided on. The machine's own answers teach nothing and are left out."""
    rows = connection.execute(statements(__package__)["corrected_types"]).fetchall()
    return [
        Example(id=f"document {row['id']}", text=row["text"], type=row["type"], source=SOURCE, group=f"document {row['id']}")
        for row in rows
        if len(row["text"]) >= SHORTEST
    ]
