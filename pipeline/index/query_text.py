"""The length of what a person or a program may search for, in the web application, the API and the command
line: comparing a name with all names takes time in proportion to its length.
"""

from __future__ import annotations

from pipeline.errors import InvalidInput

MAX_QUERY_CHARS = 200
"""A sentence. 100,000 letters would take 18 s."""


def check_query(text: str) -> None:
    """Raise InvalidInput if a query is longer than MAX_QUERY_CHARS."""
    if len(text) > MAX_QUERY_CHARS:
        raise InvalidInput(
            f"The search has {len(text):,} characters; the limit is {MAX_QUERY_CHARS}.",
            "Search for fewer words.",
            "query_too_long",
        )
