"""The possible results of sending a delivery, and what each of them means for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class DeliveryProblem(StrEnum):
    """Why a delivery is not done. The names are stable: the outbox, the CLI and the web page use them."""

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    THROTTLED = "throttled"
    UNAUTHORIZED = "unauthorized"
    INVALID_RESPONSE = "invalid_response"
    NOT_FOUND_AFTER_ACK = "not_found_after_ack"
    REFUSED = "refused"
    DUPLICATE_AT_RECEIVER = "duplicate_at_receiver"
    BUILD_FAILED = "build_failed"


PROBLEM_DESCRIPTIONS = {
    DeliveryProblem.UNREACHABLE: "The receiver cannot be reached. The delivery will be retried.",
    DeliveryProblem.TIMEOUT: "The delivery was sent, but no response came: it may have arrived. "
    "It will be retried with the same ID.",
    DeliveryProblem.THROTTLED: "The receiver is temporarily overloaded. The delivery will be retried.",
    DeliveryProblem.UNAUTHORIZED: "The receiver does not accept the credentials. "
    "Correct them in the settings; the delivery is retried meanwhile.",
    DeliveryProblem.INVALID_RESPONSE: "The response does not match the request. "
    "The delivery will be retried with the same ID.",
    DeliveryProblem.NOT_FOUND_AFTER_ACK: "The receiver acknowledged the document but does not have it. "
    "The delivery will be retried.",
    DeliveryProblem.REFUSED: "The receiver refused the document. Read its reason, correct the cause there "
    "or here, then retry or discard the delivery.",
    DeliveryProblem.DUPLICATE_AT_RECEIVER: "The receiver has the document twice. "
    "Have one copy removed there, then retry the delivery.",
    DeliveryProblem.BUILD_FAILED: "The delivery cannot be built: its data is missing or damaged here.",
}
DESTINATION_PROBLEMS = frozenset(
    {DeliveryProblem.UNREACHABLE, DeliveryProblem.THROTTLED, DeliveryProblem.UNAUTHORIZED}
)
"""Problems of the destination rather than of one document: all its deliveries wait."""
PERMANENT_PROBLEMS = frozenset({DeliveryProblem.DUPLICATE_AT_RECEIVER, DeliveryProblem.BUILD_FAILED})
"""Problems that a retry cannot solve: a person must act."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver has the document. `receipt`: the receiver's name for it."""

    receipt: str


@dataclass(frozen=True, slots=True)
class Failure:
    """The receiver does not have the document, or that is unknown.

    `detail` is the receiver's message, for a person to read; it never contains a document's text."""

    problem: DeliveryProblem
    detail: str

    @property
    def affects_destination(self) -> bool:
        """Whether all deliveries to the destination must wait."""
        return self.problem in DESTINATION_PROBLEMS


DeliveryResult: TypeAlias = Accepted | Failure
