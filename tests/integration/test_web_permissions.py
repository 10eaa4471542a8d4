"""Permissions: every route with every role and without a session, and the security headers of every
response.
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from fastapi.testclient import TestClient

from pipeline.web.application import all_routes
from pipeline.web.auth.permissions import RULES, Role, is_allowed
from pipeline.web.auth.sessions import csrf_token
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]
ROUTES = [(route.name, sorted(route.methods or ())[0], route.path) for route in all_routes()]
OPEN = ("health", "login_page", "login", "oidc_login", "oidc_callback", "api_openapi")


def address(path: str, hospital: Hospital, item: int, document: int) -> str:
    row = hospital.connection.execute("select scan_id from document where id = %s", [document]).fetchone()
    assert row is not None
    values = {
        "item": item,
        "document": document,
        "patient": hospital.patient_ids[0],
        "scan": row["scan_id"],
        "number": 1,
        "account": 10**6,
        "decision": 10**6,
        "name": "x.pdf",
        "message": 10**6,
        "token": 10**6,
    }
    return path.format(**values)


def test_each_route_allows_exactly_the_roles_of_the_table(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    item, document = hospital.uncertain_item(), hospital.filed_document()
    leaks = []
    for role in Role:
        user = sign_in_as(role)
        for name, method, path in ROUTES:
            if name in (*OPEN, "logout") or (
                name.endswith("_stream") and is_allowed(name, role)
            ):  # a stream has no end
                continue
            url = address(path, hospital, item, document)
            answer = user.get(url) if method == "GET" else user.post(url)
            if (answer.status_code == 403) == is_allowed(name, role) or answer.status_code in (401, 405, 500):
                leaks.append((name, role, answer.status_code))
    assert leaks == []


def test_without_a_session_only_the_sign_in_page_is_reachable(hospital: Hospital, site: TestClient) -> None:
    item, document = hospital.uncertain_item(), hospital.filed_document()
    leaks = []
    for name, method, path in ROUTES:
        url = address(path, hospital, item, document)
        answer = site.request(method, url, headers={"accept": "application/json"})
        if name not in OPEN and answer.status_code != 401:
            leaks.append((name, answer.status_code))
    assert leaks == []


def test_every_route_has_a_rule_and_every_rule_that_shows_a_patient_is_audited() -> None:
    assert {name for name, *_ in ROUTES} == set(RULES)
    silent = {name for name, rule in RULES.items() if rule.audit is None}
    own = {"account", "notices", "password_page", "factor_page", "reauthentication_page", "code_page"}
    assert silent <= {*OPEN, *own, "home", "renew_claim"}


def test_a_change_without_the_csrf_token_of_the_session_is_rejected(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    for form in ({}, {"csrf": "made up"}, {"csrf": csrf_token("another session")}):
        assert site.post(f"/items/{item}/claim", data=form, headers=user.headers).status_code == 403


def test_a_change_sent_from_another_site_is_rejected(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    item = hospital.uncertain_item()
    user = sign_in_as(Role.REVIEWER)
    form = {"csrf": csrf_token(user.token)}
    for foreign in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert site.post(f"/items/{item}/claim", data=form, headers=user.headers | foreign).status_code == 403


def test_every_response_forbids_foreign_scripts_frames_and_caching(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    pages = [
        site.get("/login"),
        site.get("/nowhere"),
        sign_in_as(Role.REVIEWER).get("/queue"),
        sign_in_as(Role.CLERK).get("/queue"),
    ]
    for answer in pages:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"


def test_no_page_has_an_inline_script_or_style(hospital: Hospital, sign_in_as: SignInAs) -> None:
    item, document = hospital.uncertain_item(), hospital.filed_document()
    user = sign_in_as(Role.SUPERVISOR)
    user.post(f"/items/{item}/claim")
    for url in (
        "/queue",
        f"/items/{item}",
        f"/documents/{document}",
        "/patients?q=okafor",
        f"/patients/{hospital.patient_ids[2]}",
    ):
        text = user.get(url).text
        assert " style=" not in text
        assert "<style" not in text
        assert " onclick=" not in text
        assert text.count("<script") == text.count('<script src="/static/') + text.count(
            '<script type="module" src="/static/'
        )


def test_the_audit_log_cannot_be_changed_or_emptied(hospital: Hospital, sign_in_as: SignInAs) -> None:
    sign_in_as(Role.REVIEWER).get("/queue")
    hospital.filed_document()
    for sql in (
        "update audit set account = 'x'",
        "delete from audit",
        "truncate audit",
        "update decision set note = ''",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            hospital.connection.execute(sql)


def test_every_view_of_a_chart_is_recorded_with_the_user_and_the_patient(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    document, patient = hospital.filed_document(), hospital.patient_ids[2]
    user = sign_in_as(Role.CLINICIAN)
    for url in (
        f"/patients/{patient}",
        f"/documents/{document}",
        f"/documents/{document}/file.pdf",
        f"/documents/{document}/file.pdf?print=true",
    ):
        assert user.get(url).status_code == 200
    lines = hospital.connection.execute(
        "select account, action, patient_id, detail from audit order by id"
    ).fetchall()
    assert [(line["account"], line["action"], line["patient_id"]) for line in lines] == [
        ("clinician", "view_chart", patient),
        ("clinician", "view_document", patient),
        ("clinician", "download", patient),
        ("clinician", "download", patient),
    ]
    assert [line["detail"].get("how") for line in lines[2:]] == ["download", "print"]


def test_a_view_that_cannot_be_audited_is_not_shown(hospital: Hospital, sign_in_as: SignInAs) -> None:
    document = hospital.filed_document()
    user = sign_in_as(Role.CLINICIAN)
    hospital.connection.execute(
        "alter table audit add constraint full_disk check (action <> 'view_document') not valid"
    )
    answer = user.get(f"/documents/{document}")
    assert answer.status_code == 500
    assert "Wielgosz" not in answer.text


def test_a_rejected_request_is_recorded_too(hospital: Hospital, sign_in_as: SignInAs) -> None:
    sign_in_as(Role.CLERK).get(f"/patients/{hospital.patient_ids[0]}")
    row = hospital.connection.execute("select account, action, detail from audit").fetchone()
    assert row == {"account": "clerk", "action": "refused", "detail": {"route": "chart"}}
