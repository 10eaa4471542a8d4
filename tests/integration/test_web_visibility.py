"""Which documents and pages each role can open by number: filed, in review, withdrawn, or in no document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from pipeline.index import document_actions
from pipeline.index.document_actions import ReviewContext
from pipeline.web.auth.permissions import READING, Role
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]
WORD = "appendectomy"  # on each page


@dataclass(frozen=True, kw_only=True)
class Target:
    """A page, and the document that it belongs to."""

    scan: int
    document: int | None


def make_document(hospital: Hospital, name: str) -> Target:
    document = hospital.filed_document(name)
    row = hospital.connection.execute("select scan_id from document where id = %s", [document]).fetchone()
    assert row is not None
    return Target(scan=row["scan_id"], document=document)


def filed(hospital: Hospital) -> Target:
    return make_document(hospital, "filed.pdf")


def in_review(hospital: Hospital) -> Target:
    target = make_document(hospital, "review.pdf")
    assert target.document is not None
    context = ReviewContext(document=target.document, revision=1, actor="ann", note="Check it.")
    document_actions.reopen(hospital.connection, context)
    return target


def withdrawn(hospital: Hospital) -> Target:
    target = make_document(hospital, "withdrawn.pdf")
    assert target.document is not None
    context = ReviewContext(document=target.document, revision=1, actor="ann", note="Not a record.")
    document_actions.withdraw(hospital.connection, context)
    return target


def unassigned(hospital: Hospital) -> Target:
    target = withdrawn(hospital)
    hospital.connection.execute("delete from document_page where scan_id = %s", [target.scan])
    return Target(scan=target.scan, document=None)


@pytest.mark.parametrize(
    ("make", "is_open_to_clinicians"),
    [(filed, True), (in_review, True), (withdrawn, False), (unassigned, False)],
)
def test_each_state_is_open_to_the_roles_that_may_see_it(
    hospital: Hospital,
    sign_in_as: SignInAs,
    make: Callable[[Hospital], Target],
    is_open_to_clinicians: bool,
) -> None:
    target = make(hospital)
    urls = [f"/scans/{target.scan}/pages/1/preview"]
    if target.document is not None:
        urls += [
            f"/documents/{target.document}",
            f"/documents/{target.document}?q={WORD}",
            f"/documents/{target.document}/file.pdf",
            f"/api/v1/documents/{target.document}",
            f"/api/v1/documents/{target.document}/file.pdf",
        ]
    faults: list[tuple[Role, str, object]] = []
    for role in READING:
        is_open = is_open_to_clinicians or role != Role.CLINICIAN
        user = sign_in_as(role)
        for url in urls:
            response = user.get(url)
            if response.status_code != (200 if is_open else 404):
                faults.append((role, url, response.status_code))
            if not is_open and "Wielgosz" in response.text:
                faults.append((role, url, "content"))
    assert faults == []


@pytest.mark.parametrize("make", [withdrawn, unassigned])
def test_no_search_or_chart_shows_a_clinician_what_is_in_no_chart(
    hospital: Hospital, sign_in_as: SignInAs, make: Callable[[Hospital], Target]
) -> None:
    target = make(hospital)
    user, patient = sign_in_as(Role.CLINICIAN), hospital.patient_ids[2]
    for query in (WORD, "10055501", "Wielgosz", str(target.document or 1)):
        assert user.get(f"/api/v1/search?q={query}").json() == []
        assert "/documents/" not in user.get(f"/search?q={query}").text
    assert user.get(f"/api/v1/patients/{patient}/documents").json() == []
    assert "/documents/" not in user.get(f"/patients/{patient}").text
    document = hospital.connection.execute("select id from document").fetchone()
    assert document is not None
    pdf = user.get(f"/patients/{patient}/selection.pdf?document={document['id']}")
    assert pdf.status_code == 404
