"""The API for programs has the same permissions, claims and revisions as the pages, and sends only responses
that its description declares.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import schemathesis
import schemathesis.openapi
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import checks
from schemathesis.core.result import Ok

from pipeline.web.auth.permissions import Role
from pipeline.web.auth.request_context import SESSION_COOKIE
from pipeline.web.auth.tokens import add_token
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]


def test_a_program_resolves_an_item_like_a_user(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    hospital.uncertain_item()
    program = sign_in_as(Role.REVIEWER)
    item = site.post("/api/v1/queue/next", headers=program.headers).json()
    seen = program.get(f"/api/v1/items/{item['id']}").json()
    best, subject = seen["candidates"][0]["patient"]["id"], seen["subject"]
    filing = {
        "revision": subject["revision"],
        "patient": best,
        "type": subject["type"],
        "fields": {"mrn": "10012345"},
    }
    answer = site.post(f"/api/v1/items/{item['id']}/file", json=filing, headers=program.headers)
    assert answer.status_code == 200
    filed = program.get(f"/api/v1/documents/{subject['id']}").json()
    assert (filed["status"], filed["patient"], filed["filed_by"]) == ("filed", best, "reviewer")
    assert program.get(f"/api/v1/patients/{best}/documents").json() == [subject["id"]]
    assert program.get(f"/api/v1/documents/{subject['id']}/file.pdf").content.startswith(b"%PDF")
    stale = site.post(f"/api/v1/items/{item['id']}/file", json=filing, headers=program.headers)
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_revision")


def test_a_program_gives_a_reason_for_filing_against_the_page(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    item, program = hospital.uncertain_item(), sign_in_as(Role.REVIEWER)
    url = f"/api/v1/items/{item}"
    site.post(f"{url}/claim", headers=program.headers)
    filing = {"revision": 1, "patient": hospital.patient_ids[2], "type": "letter"}
    refused = site.post(f"{url}/file", json=filing, headers=program.headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "reason_required")
    assert "Date of birth: different" in refused.json()["error"]
    filed = site.post(f"{url}/file", json=filing | {"note": "The wrong label."}, headers=program.headers)
    assert filed.status_code == 200


def test_the_api_accepts_neither_a_cookie_nor_a_revoked_token(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    user = sign_in_as(Role.REVIEWER)
    assert site.get("/api/v1/queue", headers={"cookie": f"{SESSION_COOKIE}={user.token}"}).status_code == 401
    token = add_token(hospital.connection, hospital.accounts[Role.REVIEWER], "worklist")
    bearer = {"authorization": f"Bearer {token}"}
    assert site.get("/api/v1/queue", headers=bearer).status_code == 200
    hospital.connection.execute("update api_token set revoked_at = now()")
    assert site.get("/api/v1/queue", headers=bearer).status_code == 401


def test_a_token_opens_no_page_of_the_application(site: TestClient, sign_in_as: SignInAs) -> None:
    user = sign_in_as(Role.REVIEWER)
    assert site.get("/queue", headers={"authorization": f"Bearer {user.bearer}"}).status_code == 303


CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
EASY = settings(
    max_examples=6,  # of each of the operations; what they may be asked hardly differs
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.filterwarnings("ignore")
def test_no_request_makes_the_api_fail_or_send_an_undeclared_response(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    hospital.uncertain_item()
    hospital.filed_document()
    program = sign_in_as(Role.SUPERVISOR)
    description = schemathesis.openapi.from_dict(site.get("/api/v1/openapi.json").json())
    tried = set()
    for found in description.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()

        @EASY
        @given(case=operation.as_strategy())
        def probe(case: schemathesis.Case[Any]) -> None:
            given_by_case = case.as_transport_kwargs(base_url="http://127.0.0.1")
            headers = dict(given_by_case.pop("headers", None) or {}) | {
                "authorization": f"Bearer {program.bearer}"
            }
            allowed = {"method", "url", "params", "json", "data"}
            answer = site.request(
                headers=headers, **{key: value for key, value in given_by_case.items() if key in allowed}
            )
            case.validate_response(answer, checks=CHECKS)
            tried.add(case.operation.label)

        probe()
    assert len(tried) == 18
