"""The result of an ADT message, and its acknowledgment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.delivery.formats.hl7_values import escape, format_time
from pipeline.patients.hl7_limits import TOO_LARGE
from pipeline.patients.hl7_text import header_fields, split_batch

UNSUPPORTED_PROCESSING_ID, INTERNAL_ERROR, DATA_TYPE_ERROR, DUPLICATE_KEY = "202", "207", "102", "205"
ERROR_TEXTS = {
    "100": "Segment sequence error", "101": "Required field missing", "102": "Data type error",
    "103": "Table value not found", "201": "Unsupported event code", "202": "Unsupported processing id",
    "204": "Unknown key identifier", "205": "Duplicate key identifier", "207": "Application internal error",
}  # fmt: skip
"""HL7 table 0357."""
ERROR_CODES = {
    "not_hl7": "100", "no_patient": "100", "no_control_id": "101", "no_identifier": "101", "no_prior": "101",
    "no_visit": "101", "character_set": "103", "unsupported_event": "201", "not_found": "204",
    "conflict": "205", TOO_LARGE: "102",
}  # fmt: skip
"""The error codes of HL7 table 0357 for the codes of errors."""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """The result of a message.

    `status` is applied, ignored (the event does not concern the patient's identity, the message is not a
    production message, or it came before) or rejected. `error_code` classifies `problem` (HL7 table 0357)."""

    status: str
    control_id: str
    problem: str | None = None
    error_code: str = INTERNAL_ERROR

    @property
    def acknowledgment_code(self) -> str:
        """AA, AE or AR (HL7 table 0008)."""
        if self.status == "rejected":
            return "AE"
        return "AR" if self.error_code == UNSUPPORTED_PROCESSING_ID else "AA"


def build_acknowledgment(
    body: bytes, result: MessageResult, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> bytes:
    """Return the acknowledgment of a message: AA if it was applied or ignored, AE with the problem if it was
    rejected, AR if it is not a production message.
    """
    head = header_fields(next(iter(split_batch(body)), body))
    time = format_time(now())
    code = result.acknowledgment_code
    event = head[8].split("^")[1] if "^" in head[8] else ""
    kind = f"ACK^{event}^ACK" if event else "ACK"
    lines = [
        f"MSH|^~\\&|CHARTLOOM|{head[5]}|{head[2]}|{head[3]}|{time}||{kind}|{time}{result.control_id}|P|"
        f"{head[11] or '2.5'}",
        f"MSA|{code}|{result.control_id}",
    ]
    if result.problem:
        error = f"{result.error_code}^{ERROR_TEXTS[result.error_code]}^HL70357"
        lines.append(f"ERR|||{error}|{'W' if code == 'AA' else 'E'}||||{escape(result.problem)}")
    return "".join(f"{line}\r" for line in lines).encode()
