"""API tokens: expiry, scopes, limits to a source or department, revocation, and their place in the audit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from pipeline.errors import InvalidInput
from pipeline.web.application import all_routes
from pipeline.web.auth import accounts
from pipeline.web.auth.attempts import NETWORK
from pipeline.web.auth.permissions import RULES, Role, Scope
from pipeline.web.auth.tokens import add_token, check_days, revoke_tokens_named
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def call(site: TestClient, token: str, path: str = "/api/v1/queue", method: str = "GET") -> Response:
    answer: Response = site.request(method, path, headers={"authorization": f"Bearer {token}"})
    return answer


def failures(hospital: Hospital) -> list[tuple[str, str, str]]:
    rows = hospital.connection.execute(
        "select account, detail from audit where action = 'token_failed' order by id"
    )
    return [(row["account"], row["detail"].get("token", ""), row["detail"]["reason"]) for row in rows]


def test_every_route_of_the_api_has_a_scope() -> None:
    names = {route.name for route in all_routes() if route.path.startswith("/api/")}
    assert {name for name in names if RULES[name].scope is None} == {"api_openapi"}


def test_a_token_ends_when_it_expires_is_revoked_or_its_account_is_closed_and_each_failure_is_audited(
    hospital: Hospital, site: TestClient
) -> None:
    connection, reviewer = hospital.connection, hospital.accounts[Role.REVIEWER]
    expired, revoked, closed = (
        add_token(connection, reviewer, name) for name in ("expired", "revoked", "closed")
    )
    assert call(site, expired).status_code == 200
    connection.execute("update api_token set expires_at = now() where name = 'expired'")
    assert revoke_tokens_named(connection, "revoked", reviewer) == 1
    answers = [call(site, token) for token in (expired, revoked, "made up")]
    connection.execute("update account set disabled_at = now() where id = %s", [reviewer])
    answers.append(call(site, closed))
    assert [answer.status_code for answer in answers] == [401] * 4
    assert failures(hospital) == [
        ("reviewer", "expired", "expired"),
        ("reviewer", "revoked", "revoked"),
        ("unknown", "", "unknown"),
        ("reviewer", "closed", "closed"),
    ]


def test_failing_requests_do_not_fill_the_audit(hospital: Hospital, site: TestClient) -> None:
    for _ in range(NETWORK.free + 20):
        assert call(site, "made up").status_code == 401
    assert len(failures(hospital)) < NETWORK.free + 10
    assert site.get("/api/v1/queue").status_code == 401
    token = add_token(hospital.connection, hospital.accounts[Role.REVIEWER], "worklist")
    assert call(site, token).status_code == 200, "a valid token is not affected"


def test_tokens_are_revoked_if_the_password_is_reset_the_role_changed_or_the_account_closed(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    administrator = sign_in_as(Role.ADMINISTRATOR)
    reviewer = hospital.accounts[Role.REVIEWER]
    for form in (
        {"role": "reviewer", "enabled": "true", "reset": "true"},
        {"role": "supervisor", "enabled": "true"},
        {"role": "supervisor"},
    ):
        token = add_token(hospital.connection, reviewer, "worklist")
        assert call(site, token).status_code == 200
        assert administrator.post(f"/accounts/{reviewer}", **form).status_code in (200, 303)
        assert call(site, token).status_code == 401
        hospital.connection.execute("update account set disabled_at = null")


def test_a_token_uses_only_its_scopes_and_what_it_does_has_its_name_in_the_audit(
    hospital: Hospital, site: TestClient
) -> None:
    item, document = hospital.uncertain_item(), hospital.filed_document()
    token = add_token(
        hospital.connection, hospital.accounts[Role.REVIEWER], "worklist", scopes=[Scope.REVIEW_READ]
    )
    assert call(site, token, f"/api/v1/items/{item}").status_code == 200
    for method, path in (
        ("POST", f"/api/v1/items/{item}/claim"),
        ("GET", f"/api/v1/documents/{document}"),
        ("GET", "/api/v1/patients?q=okafor"),
        ("GET", "/api/v1/search?q=wound"),
    ):
        assert call(site, token, path, method).status_code == 403
    rows = hospital.connection.execute("select action, detail from audit order by id").fetchall()
    assert [row["action"] for row in rows] == ["view_item", *["refused"] * 4]
    assert {row["detail"]["token"] for row in rows} == {"worklist"}


def test_a_token_of_one_department_sees_nothing_of_another(hospital: Hospital, site: TestClient) -> None:
    connection, supervisor = hospital.connection, hospital.accounts[Role.SUPERVISOR]
    mine, other = hospital.uncertain_item("mine.pdf"), hospital.uncertain_item("other.pdf")
    for item, department in ((mine, "cardiology"), (other, "oncology")):
        connection.execute("update review_item set department = %s where id = %s", [department, item])
        connection.execute(
            "update scan set department = %s where id = (select scan_id from review_item where id = %s)",
            [department, item],
        )
    documents = {
        row["id"]: row["document_id"] for row in connection.execute("select id, document_id from review_item")
    }
    token = add_token(connection, supervisor, "cardiology", department="cardiology")
    assert [item["id"] for item in call(site, token).json()] == [mine]
    assert call(site, token, "/api/v1/queue/next", "POST").json()["id"] == mine
    for method, path in (
        ("GET", f"/api/v1/items/{other}"),
        ("POST", f"/api/v1/items/{other}/claim"),
        ("GET", f"/api/v1/documents/{documents[other]}"),
        ("GET", f"/api/v1/documents/{documents[other]}/file.pdf"),
        ("POST", f"/api/v1/documents/{documents[other]}/withdraw"),
    ):
        assert call(site, token, path, method).status_code == 404
    for path in (f"/api/v1/items/{mine}", f"/api/v1/documents/{documents[mine]}"):
        assert call(site, token, path).status_code == 200
    patient = hospital.patient_ids[0]
    for path in (
        "/api/v1/patients?q=okafor",
        f"/api/v1/patients/{patient}/documents",
        "/api/v1/search?q=wound",
    ):
        assert call(site, token, path).status_code == 403, "a chart has documents of every department"
    wrong_source = add_token(connection, supervisor, "fax", source="fax")
    assert call(site, wrong_source).json() == []
    assert call(site, wrong_source, f"/api/v1/items/{mine}").status_code == 404


def test_the_last_use_and_its_address_are_recorded_and_the_administrator_revokes_on_the_page(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    token = add_token(
        hospital.connection, hospital.accounts[Role.REVIEWER], "worklist", days=30, actor="admin"
    )
    call(site, token)
    row = hospital.connection.execute(
        """select id, used_at > now() - interval '1 minute' as used, used_from, created_by,
                  expires_at - now() between interval '29 days' and interval '30 days' as lasts
           from api_token where name = 'worklist'"""
    ).fetchone()
    assert row is not None
    assert (row["used"], row["used_from"], row["created_by"], row["lasts"]) == (
        True,
        "testclient",
        "admin",
        True,
    )
    administrator = sign_in_as(Role.ADMINISTRATOR)
    page = administrator.get("/tokens").text
    assert "worklist" in page
    assert "testclient" in page
    assert administrator.post(f"/tokens/{row['id']}/revoke").status_code == 303
    assert call(site, token).status_code == 401
    assert administrator.post(f"/tokens/{row['id']}/revoke").status_code == 404


def test_the_person_and_the_privacy_officer_are_told_of_a_new_token(hospital: Hospital) -> None:
    reviewer = hospital.accounts[Role.REVIEWER]
    add_token(hospital.connection, reviewer, "worklist", actor="admin")
    rows = hospital.connection.execute("select recipient_id, kind, actor from account_notice")
    told = {(row["recipient_id"], row["kind"], row["actor"]) for row in rows}
    officer = hospital.accounts[Role.PRIVACY_OFFICER]
    assert told == {(reviewer, "token_added", "admin"), (officer, "token_added", "admin")}


def test_a_token_cannot_be_valid_longer_than_the_setting(hospital: Hospital) -> None:
    settings = hospital.settings.sign_in
    assert check_days(None, settings.token_days, settings.max_token_days) == settings.token_days
    for days in (0, settings.max_token_days + 1):
        with pytest.raises(InvalidInput):
            check_days(days, settings.token_days, settings.max_token_days)


def test_the_name_of_an_account_is_no_token(hospital: Hospital, site: TestClient) -> None:
    accounts.account_named(hospital.connection, "reviewer")
    assert call(site, "reviewer").status_code == 401
