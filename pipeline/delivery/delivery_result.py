"""How a receiver may answer, and what each way means for the delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Problem(StrEnum):
    """Why a delivery is not done. The names are stable: they stand in the outbox, in the CLI and on the web
    page.
    """

    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    UNAUTHORIZED = "unauthorized"
    WRONG_ANSWER = "wrong_answer"
    LOST = "lost"
    REFUSED = "refused"
    DOUBLED = "doubled"
    CANNOT_BUILD = "cannot_build"


WORDS = {
    Problem.UNREACHABLE: "No connection could be made. It is tried again until it can.",
    Problem.NO_ANSWER: "It was sent, and no answer came: it may have arrived. It is sent again under the same name.",
    Problem.BUSY: "The receiver asks for patience. It is tried again.",
    Problem.UNAUTHORIZED: "The receiver does not accept our credentials. Correct them in the settings; it is tried meanwhile.",
    Problem.WRONG_ANSWER: "The answer is none to what was sent. It is sent again under the same name.",
    Problem.LOST: "The receiver said yes, and does not have it. It is sent again.",
    Problem.REFUSED: "The receiver says no. See why, have it mended there or here, then replay or drop it.",
    Problem.DOUBLED: "The receiver has it twice. One must be removed there; then replay it.",
    Problem.CANNOT_BUILD: "It cannot be put together: what it is made of is missing or damaged here.",
}
OF_THE_WHOLE = frozenset({Problem.UNREACHABLE, Problem.BUSY, Problem.UNAUTHORIZED})
"""These say nothing of the document in hand: the whole destination waits."""
HOPELESS = frozenset({Problem.DOUBLED, Problem.CANNOT_BUILD})
"""Trying again changes nothing: a person must act."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has it. `receipt`: what the receiver calls it."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver does not have it, or nobody can tell. `detail`: what it said, for a person; never a
    document's text.
    """

    problem: Problem
    detail: str

    @property
    def whole(self) -> bool:
        """Does the whole destination wait?"""
        return self.problem in OF_THE_WHOLE


Answer: TypeAlias = Taken | Failed
