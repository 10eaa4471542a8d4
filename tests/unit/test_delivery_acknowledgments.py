"""The acknowledgments of MLLP receivers are understood whatever ends their lines."""

from __future__ import annotations

import pytest

from pipeline.delivery.delivery_result import Accepted, DeliveryProblem, Failure
from pipeline.delivery.transports.mllp_client import read_acknowledgment

ACKNOWLEDGMENT = "MSH|^~\\&|EHR|H|CL|H|20260101||ACK|9|P|2.5\rMSA|{code}|M1|text\r"


@pytest.mark.parametrize("line_end", ["\r", "\r\n", "\n"])
@pytest.mark.parametrize("prefix", ["", "\ufeff", "\r\n"])
def test_an_acknowledgment_is_understood_with_any_line_end(line_end: str, prefix: str) -> None:
    body = (prefix + ACKNOWLEDGMENT.format(code="AA").replace("\r", line_end)).encode()
    assert read_acknowledgment(body, "M1") == Accepted("AA M1")


@pytest.mark.parametrize("line_end", ["\r", "\r\n", "\n"])
def test_a_rejection_is_understood_with_any_line_end(line_end: str) -> None:
    body = ACKNOWLEDGMENT.format(code="AE").replace("\r", line_end).encode()
    assert read_acknowledgment(body, "M1") == Failure(DeliveryProblem.REFUSED, "AE: text")


def test_an_acknowledgment_of_another_message_is_skipped() -> None:
    assert read_acknowledgment(ACKNOWLEDGMENT.format(code="AA").encode(), "M2") is None
