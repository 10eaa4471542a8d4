"""Encounters come by ADT; documents attach to the one whose dates and account number fit, or say why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.patients.adt import process_message
from pipeline.patients.patient_merge import merge, unmerge
from tests.support.delivery_archive import Archive

Hear = Callable[..., None]


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
    """An ADT message about a visit."""
    pv1 = ["PV1", "1", kind, "3W^12^A"] + [""] * 15 + [visit] + [""] * 24 + [admitted, discharged]
    lines = [
        f"MSH|^~\\&|ADT|NORTH|CL|HIM|{when}||ADT^{event}|{event}{visit}{when}{admitted}{discharged}{account}|P|2.5.1",
        f"EVN|{event}|{when}",
        f"PID|1||{mrn}^^^NORTH^MR||OKAFOR^MARTHA||19560803|F||||||||||{account}",
        *([f"MRG|20012345^^^NORTH^MR||||{formerly}"] if formerly else []),
        "|".join(pv1),
    ]
    return "\r".join(lines).encode() + b"\r"


@pytest.fixture
def hear(archive: Archive) -> Hear:
    def heard(*given: str, **named: str) -> None:
        taken = process_message(archive.connection, adt(*given, **named))
        assert taken.status == "applied", taken.problem

    return heard


def where(archive: Archive, document: int) -> tuple[str | None, str | None]:
    """The visit that a document belongs to, and why or why not."""
    sql = """select e.number, d.encounter_reason
             from document d left join encounter e on e.id = d.encounter_id where d.id = %s"""
    row = archive.connection.execute(sql, [document]).fetchone()
    assert row is not None
    return row["number"], row["encounter_reason"]


def test_a_stay_has_the_documents_of_its_days(archive: Archive, hear: Hear) -> None:
    hear("A01", "V1", admitted="20240209080000")
    during, before = archive.file(date_of_service="2024-02-11"), archive.file(date_of_service="2024-02-01")
    assert (where(archive, during), where(archive, before)) == (("V1", "date"), (None, "outside"))
    hear("A03", "V1", discharged="20240210120000")
    assert where(archive, during) == (None, "outside")
    hear("A13", "V1", when="20240210130000")
    assert where(archive, during) == ("V1", "date")


def test_an_encounter_that_is_told_later_takes_the_documents_filed_before(
    archive: Archive, hear: Hear
) -> None:
    document = archive.file(date_of_service="2024-02-11")
    assert where(archive, document) == (None, "no_encounter")
    hear("A04", "V2", kind="O", admitted="202402111015")
    assert where(archive, document) == ("V2", "date")


def test_of_two_visits_on_a_day_the_account_number_tells_which(archive: Archive, hear: Hear) -> None:
    hear("A04", "V1", kind="E", admitted="202402110900", account="A-100")
    hear("A04", "V2", kind="O", admitted="202402111500", account="A-200")
    unsaid, said = (
        archive.file(date_of_service="2024-02-11"),
        archive.file(date_of_service="2024-02-11", account="A2OO"),
    )
    assert (where(archive, unsaid), where(archive, said)) == ((None, "several"), ("V2", "account_and_date"))


def test_an_account_number_alone_attaches_unless_the_date_speaks_against_it(
    archive: Archive, hear: Hear
) -> None:
    hear("A01", "V1", admitted="20240209", discharged="20240212", account="A-100")
    undated = archive.file(date_of_service="", account="A-100")
    consent = archive.file(date_of_service="2024-01-25", account="A-100")
    years_off = archive.file(date_of_service="2019-01-25", account="A-100")
    assert where(archive, undated) == where(archive, consent) == ("V1", "account")
    assert where(archive, years_off) == (None, "account_contradicts")


def test_an_account_number_that_is_no_encounters_is_a_doubt(archive: Archive, hear: Hear) -> None:
    hear("A01", "V1", admitted="20240209", account="A-100")
    assert where(archive, archive.file(date_of_service="2024-02-11", account="X-777")) == (
        None,
        "account_unknown",
    )
    assert where(archive, archive.file(date_of_service="")) == (None, "no_date")


def test_a_cancelled_admission_holds_nothing(archive: Archive, hear: Hear) -> None:
    hear("A01", "V1", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    hear("A11", "V1")
    assert where(archive, document) == (None, "no_encounter")


def test_encounters_of_merged_patients_count_for_the_survivor_until_they_are_parted(
    archive: Archive, hear: Hear
) -> None:
    hear("A01", "V1", mrn="20055501", admitted="20240209")
    document = archive.file(archive.martha, date_of_service="2024-02-11")
    assert where(archive, document) == (None, "no_encounter")
    merge(archive.connection, archive.tomasz.id, archive.martha.id, "mwhite")
    assert where(archive, document) == ("V1", "date")
    unmerge(archive.connection, archive.tomasz.id, "mwhite")
    assert where(archive, document) == (None, "no_encounter")


def test_a_visit_that_is_moved_to_another_patient_leaves_the_documents_of_the_first_behind(
    archive: Archive, hear: Hear
) -> None:
    hear("A01", "V1", admitted="20240209")
    hers = archive.file(archive.martha, date_of_service="2024-02-11")
    his = archive.file(archive.tomasz, date_of_service="2024-02-11")
    assert (where(archive, hers), where(archive, his)) == (("V1", "date"), (None, "no_encounter"))
    hear("A45", "V1", mrn="20055501", formerly="V1")
    assert (where(archive, hers), where(archive, his)) == ((None, "no_encounter"), ("V1", "date"))


def test_a_visit_that_gets_another_number_keeps_its_documents(archive: Archive, hear: Hear) -> None:
    hear("A01", "V1", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    hear("A50", "V2", formerly="V1")
    assert where(archive, document) == ("V2", "date")


def test_a_visit_that_turns_out_to_be_another_known_one_is_no_visit_any_more(
    archive: Archive, hear: Hear
) -> None:
    hear("A01", "V1", admitted="20240209")
    hear("A01", "V2", admitted="20240209")
    document = archive.file(date_of_service="2024-02-11")
    assert where(archive, document) == (None, "several")
    hear("A50", "V2", formerly="V1")
    assert where(archive, document) == ("V2", "date")


def test_messages_in_any_order_leave_the_same_encounter(archive: Archive, hear: Hear) -> None:
    hear("A03", "V1", discharged="20240212110000")
    hear("A01", "V1", admitted="20240209080000", kind="I")
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


def test_an_encounter_that_comes_later_is_told_to_the_destinations(
    archive: Archive, hear: Hear, tmp_path: Path
) -> None:
    archive.destination("inpatients", "folder", str(tmp_path), classes=("I",))
    archive.destination("archive", "folder", str(tmp_path))
    document = archive.file(date_of_service="2024-02-11")
    assert (archive.outbox_of("inpatients", document), archive.outbox_of("archive", document)) == (
        [],
        ["new 1 pending"],
    )
    hear("A01", "V1", admitted="20240209")
    assert (archive.outbox_of("inpatients", document), archive.outbox_of("archive", document)[1:]) == (
        ["new 1 pending"],
        ["edit 1 pending"],
    )
