"""Encounters arrive by ADT. Documents are attached to the encounter with matching dates and account number,
or have a reason why not.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.patients.adt import process_message
from pipeline.patients.patient_merge import merge, unmerge
from tests.support.delivery_archive import Archive

Receive = Callable[..., None]


def adt(
    event: str,
    visit: str,
    *,
    mrn: str = "20012345",
    kind: str = "I",
    admitted: str = "",
    discharged: str = "",
    account: str = "",
    when: str = "20240209080000",
    formerly: str = "",
) -> bytes:
    """Return an ADT message about an encounter."""
    pv1 = ["PV1", "1", kind, "3W^12^A"] + [""] * 15 + [visit] + [""] * 24 + [admitted, discharged]
    lines = [
        f"MSH|^~\\&|ADT|NORTH|CL|HIM|{when}||ADT^{event}"
        f"|{event}{visit}{when}{admitted}{discharged}{account}|P|2.5.1",
        f"EVN|{event}|{when}",
        f"PID|1||{mrn}^^^NORTH^MR||OKAFOR^MARTHA||19560803|F||||||||||{account}",
        *([f"MRG|20012345^^^NORTH^MR||||{formerly}"] if formerly else []),
        "|".join(pv1),
    ]
    return "\r".join(lines).encode() + b"\r"


@pytest.fixture
def receive(archive: Archive) -> Receive:
    def received(*values: str, **named: str) -> None:
        result = process_message(archive.connection, adt(*values, **named))
        assert result.status == "applied", result.problem

    return received


def encounter_of(archive: Archive, document: int) -> tuple[str | None, str | None]:
    """Return the encounter of a document, and the reason."""
    sql = """select e.number, d.encounter_reason
             from document d left join encounter e on e.id = d.encounter_id where d.id = %s"""
    row = archive.connection.execute(sql, [document]).fetchone()
    assert row is not None
    return row["number"], row["encounter_reason"]


def test_documents_dated_within_a_stay_are_attached_to_it(archive: Archive, receive: Receive) -> None:
    receive("A01", "V1", admitted="20240209080000")
    during, before = archive.file(date_of_service="2024-02-11"), archive.file(date_of_service="2024-02-01")
    assert (encounter_of(archive, during), encounter_of(archive, before)) == (
        ("V1", "date"),
        (None, "outside"),
    )
    receive("A03", "V1", discharged="20240210120000")
    assert encounter_of(archive, during) == (None, "outside")
    receive("A13", "V1", when="20240210130000")
    assert encounter_of(archive, during) == ("V1", "date")


def test_an_encounter_that_arrives_later_gets_documents_filed_before(
    archive: Archive, receive: Receive
) -> None:
    document = archive.file(date_of_service="2024-02-11")
    assert encounter_of(archive, document) == (None, "no_encounter")
    receive("A04", "V2", kind="O", admitted="202402111015")
    assert encounter_of(archive, document) == ("V2", "date")


def test_the_account_number_distinguishes_two_visits_on_one_day(archive: Archive, receive: Receive) -> None:
    receive("A04", "V1", kind="E", admitted="202402110900", account="A-100")
    receive("A04", "V2", kind="O", admitted="202402111500", account="A-200")
    without_account, with_account = (
        archive.file(date_of_service="2024-02-11"),
        archive.file(date_of_service="2024-02-11", account="A2OO"),
    )
    assert (encounter_of(archive, without_account), encounter_of(archive, with_account)) == (
        (None, "several"),
        ("V2", "account_and_date"),
    )


def test_an_account_number_alone_attaches_a_document_unless_its_date_contradicts(
    archive: Archive, receive: Receive
) -> None:
    receive("A01", "V1", admitted="20240209", discharged="20240212", account="A-100")
    undated = archive.file(date_of_service="", account="A-100")
    consent = archive.file(date_of_service="2024-01-25", account="A-100")
    years_off = archive.file(date_of_service="2019-01-25", account="A-100")
    assert encounter_of(archive, undated) == encounter_of(archive, consent) == ("V1", "account")
    assert encounter_of(archive, years_off) == (None, "account_contradicts")


def test_an_unknown_account_number_is_an_issue(archive: Archive, receive: Receive) -> None:
    receive("A01", "V1", admitted="20240209", account="A-100")
    assert encounter_of(archive, archive.file(date_of_service="2024-02-11", account="X-777")) == (
        None,
        "account_unknown",
    )
    assert encounter_of(archive, archive.file(date_of_service="")) == (None, "no_date")


def test_a_canceled_admission_has_no_documents(archive: Archive, receive: Receive) -> None:
    receive("A01", "V1", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    receive("A11", "V1")
    assert encounter_of(archive, document) == (None, "no_encounter")


def test_encounters_of_merged_patients_belong_to_the_survivor_until_the_merge_is_undone(
    archive: Archive, receive: Receive
) -> None:
    receive("A01", "V1", mrn="20055501", admitted="20240209")
    document = archive.file(archive.martha, date_of_service="2024-02-11")
    assert encounter_of(archive, document) == (None, "no_encounter")
    merge(archive.connection, archive.tomasz.id, archive.martha.id, "mwhite")
    assert encounter_of(archive, document) == ("V1", "date")
    unmerge(archive.connection, archive.tomasz.id, "mwhite")
    assert encounter_of(archive, document) == (None, "no_encounter")


def test_a_visit_that_moves_to_another_patient_does_not_take_the_documents_of_the_first(
    archive: Archive, receive: Receive
) -> None:
    receive("A01", "V1", admitted="20240209")
    of_martha = archive.file(archive.martha, date_of_service="2024-02-11")
    of_tomasz = archive.file(archive.tomasz, date_of_service="2024-02-11")
    assert (encounter_of(archive, of_martha), encounter_of(archive, of_tomasz)) == (
        ("V1", "date"),
        (None, "no_encounter"),
    )
    receive("A45", "V1", mrn="20055501", formerly="V1")
    assert (encounter_of(archive, of_martha), encounter_of(archive, of_tomasz)) == (
        (None, "no_encounter"),
        ("V1", "date"),
    )


def test_a_visit_that_gets_another_number_keeps_its_documents(archive: Archive, receive: Receive) -> None:
    receive("A01", "V1", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    receive("A50", "V2", formerly="V1")
    assert encounter_of(archive, document) == ("V2", "date")


def test_a_visit_that_is_merged_into_another_one_no_longer_counts(archive: Archive, receive: Receive) -> None:
    receive("A01", "V1", admitted="20240209")
    receive("A01", "V2", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    assert encounter_of(archive, document) == (None, "several")
    receive("A50", "V2", formerly="V1")
    assert encounter_of(archive, document) == ("V2", "date")


def test_messages_in_any_order_give_the_same_encounter(archive: Archive, receive: Receive) -> None:
    receive("A03", "V1", discharged="20240212110000")
    receive("A01", "V1", admitted="20240209080000", kind="I")
    row = archive.connection.execute(
        "select admitted_at::text, discharged_at::text, class, location, facility from encounter"
    ).fetchone()
    assert row == {
        "admitted_at": "2024-02-09 08:00:00",
        "discharged_at": "2024-02-12 11:00:00",
        "class": "I",
        "location": "3W-12-A",
        "facility": "NORTH",
    }


def test_destinations_are_updated_when_an_encounter_arrives_later(
    archive: Archive, receive: Receive, tmp_path: Path
) -> None:
    archive.destination("inpatients", "folder", str(tmp_path), classes=("I",))
    archive.destination("archive", "folder", str(tmp_path))
    document = archive.file(date_of_service="2024-02-11")
    assert (archive.outbox_of("inpatients", document), archive.outbox_of("archive", document)) == (
        [],
        ["new 1 pending"],
    )
    receive("A01", "V1", admitted="20240209")
    assert (archive.outbox_of("inpatients", document), archive.outbox_of("archive", document)[1:]) == (
        ["new 1 pending"],
        ["edit 1 pending"],
    )
