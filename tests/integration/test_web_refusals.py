"""A refused change changes nothing: every route that writes, with every kind of input that it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from fastapi.testclient import TestClient

from pipeline.web.application import all_routes
from pipeline.web.auth.permissions import RULES, Role
from pipeline.web.review import review_queue
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]
WRITING_ROUTES = {
    route.name: route.path for route in all_routes() if not (route.methods or set()) <= {"GET", "HEAD"}
}
CANNOT_REFUSE = {"login", "logout", "token_revoke", "factor_remove"}
"""A failed sign-in is counted on purpose; signing out has no input; what is revoked or
removed may be gone already. A factor that the role requires is tested in test_web_second_factor.py."""
UNCOMPARED_TABLES = {
    "audit",  # records the attempt
    "web_session",  # has the time of the last request
    "api_token",  # the same
    "sign_in_attempt",  # counts wrong passwords and codes
}
UNKNOWN = 10**6


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A request that must be refused: `values` fill in the route's address, `body` is the form or JSON."""

    kind: str
    body: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    role: Role = Role.SUPERVISOR


@dataclass(frozen=True, kw_only=True)
class Ids:
    """What the requests refer to: items claimed by the user and by another one, and a filed document."""

    mine: int
    other: int
    scan: int
    filed: int
    patient: int
    own_patient: int
    revisions: dict[str, int]
    pages: list[int]
    message: int


def dump(hospital: Hospital) -> dict[str, str]:
    """Return a hash of the content of each table."""
    connection = hospital.connection
    names = connection.execute(
        "select tablename from pg_tables where schemaname = 'public' order by tablename"
    ).fetchall()
    hashes = {}
    for name in (row["tablename"] for row in names):
        if name not in UNCOMPARED_TABLES:
            sql = f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) as hash from {name} t"
            row = connection.execute(sql.encode()).fetchone()
            assert row is not None
            hashes[name] = row["hash"]
    return hashes


def prepare(hospital: Hospital, user: SignedInUser, other: SignedInUser) -> Ids:
    mine, others = hospital.uncertain_item("mine.pdf"), hospital.uncertain_item("other.pdf")
    filed = hospital.filed_document()
    review_queue.claim(hospital.connection, mine, user.name, 10)
    review_queue.claim(hospital.connection, others, other.name, 10)
    row = hospital.connection.execute(
        """select d.id, d.scan_id, d.pages, d.revision, f.patient_id from review_item i
           join document d on d.id = i.document_id, document f where i.id = %s and f.id = %s""",
        [mine, filed],
    ).fetchone()
    assert row is not None
    return Ids(
        mine=mine,
        other=others,
        scan=row["scan_id"],
        filed=filed,
        patient=hospital.patient_ids[0],
        own_patient=row["patient_id"],
        revisions={str(row["id"]): row["revision"]},
        pages=row["pages"],
        message=hospital.rejected_message(),
    )


def filings(ids: Ids, prefix: str = "") -> Iterator[Refusal]:
    """Yield the filings to refuse; `prefix` is that of a field's name in a form."""

    def body(**changes: Any) -> dict[str, Any]:
        fields = changes.pop("fields", {})
        named = {f"{prefix}{name}": value for name, value in fields.items()} if prefix else {"fields": fields}
        return {"revision": 1, "type": "letter", "patient": ids.patient} | named | changes

    mine = {"item": ids.mine}
    yield Refusal(kind="bad date", values=mine, body=body(fields={"date_of_service": "2026-02-30"}))
    yield Refusal(kind="bad birth date", values=mine, body=body(fields={"dob": "3/8/56"}))
    yield Refusal(kind="unknown patient", values=mine, body=body(patient=UNKNOWN))
    yield Refusal(kind="no patient", values=mine, body=body(patient=""))
    yield Refusal(kind="unknown type", values=mine, body=body(type="poem"))
    yield Refusal(kind="stale revision", values=mine, body=body(revision=7))
    yield Refusal(kind="not claimed", values={"item": ids.other}, body=body())
    yield Refusal(kind="unknown item", values={"item": UNKNOWN}, body=body())
    yield Refusal(kind="a NUL", values=mine, body=body(fields={"mrn": "1\0"}))


def arrangements(ids: Ids) -> Iterator[tuple[str, dict[str, Any]]]:
    good = {"groups": [[n] for n in ids.pages], "excluded": [], "revisions": ids.revisions}
    stale = {document: revision + 5 for document, revision in ids.revisions.items()}
    yield "stale revision", good | {"revisions": stale}
    yield "unknown page", good | {"groups": [[UNKNOWN]]}
    yield "lost page", good | {"groups": [ids.pages[:1]]}
    yield "page twice", good | {"groups": [ids.pages[:1], ids.pages[:1]], "excluded": ids.pages[1:]}
    yield "nothing changed", good | {"groups": [ids.pages]}
    yield "malformed", good | {"groups": "none"}


def noted(ids: Ids, name: str) -> Iterator[Refusal]:
    """Yield refusals of a decision with a revision and a note about the user's item or a filed document."""
    target = {"item": ids.mine} if name in ("reject_item", "api_reject") else {"document": ids.filed}
    yield Refusal(kind="missing note", values=target, body={"revision": 1})
    yield Refusal(kind="blank note", values=target, body={"revision": 1, "note": " "})
    yield Refusal(kind="stale revision", values=target, body={"revision": 7, "note": "x"})
    unknown = dict.fromkeys(target, UNKNOWN)
    yield Refusal(kind="unknown", values=unknown, body={"revision": 1, "note": "x"})


def refusals(ids: Ids) -> dict[str, list[Refusal]]:
    """Return the requests to refuse, by route."""
    mine, other, unknown = {"item": ids.mine}, {"item": ids.other}, {"item": UNKNOWN}
    not_claimed = [Refusal(kind="held", values=other), Refusal(kind="unknown item", values=unknown)]
    malformed = [Refusal(kind="malformed id", values={"item": "x"})]
    escalations = [
        Refusal(kind="missing note", values=mine),
        Refusal(kind="not claimed", values=other, body={"note": "x"}),
    ]
    other_s_reject = Refusal(kind="not claimed", values=other, body={"revision": 1, "note": "x"})
    move = {"revision": 1, "mrn": "10012345", "note": "x"}
    filed = {"document": ids.filed}
    new_password = {"old": "x", "new": "a long password", "confirmation": "a long password"}
    admin, clerk = Role.ADMINISTRATOR, Role.CLERK
    return {
        "next_item": [Refusal(kind="malformed id", body={"skip": "x"})],
        "claim": not_claimed,
        "renew_claim": not_claimed,
        "release": malformed,
        "escalate": escalations,
        "enter_values": [
            Refusal(kind="bad date", values=mine, body={"field.dob": "3/8/56"}),
            Refusal(kind="not claimed", values=other, body={"field.dob": "1956-03-08"}),
        ],
        "file_item": list(filings(ids, "field.")),
        "reject_item": [*noted(ids, "reject_item"), other_s_reject],
        "arrange_pages": [
            Refusal(kind=kind, values={"scan": ids.scan}, body={"arrangement": json.dumps(body)})
            for kind, body in arrangements(ids)
        ],
        "undo": [Refusal(kind="nothing to undo"), Refusal(kind="unknown", body={"decision": UNKNOWN})],
        "withdraw": list(noted(ids, "withdraw")),
        "reassign_document": [
            Refusal(kind="unknown patient", values=filed, body=move | {"mrn": "0"}),
            Refusal(kind="missing note", values=filed, body={"revision": 1, "mrn": "10012345"}),
            Refusal(
                kind="blank note", values=filed, body=move | {"note": " ", "confirmed_patient": ids.patient}
            ),
            Refusal(
                kind="stale revision",
                values=filed,
                body=move | {"revision": 7, "confirmed_patient": ids.patient},
            ),
            Refusal(
                kind="the same patient",
                values=filed,
                body=move | {"mrn": "10055501", "confirmed_patient": ids.own_patient},
            ),
        ],
        "merge": [
            Refusal(kind="unknown patient", values={"patient": ids.patient}, body={"other": UNKNOWN}),
            Refusal(kind="itself", values={"patient": ids.patient}, body={"other": ids.patient}),
            Refusal(
                kind="missing note",
                values={"patient": ids.patient},
                body={"other": ids.own_patient, "confirmed": "true"},
            ),
            Refusal(
                kind="unknown message",
                values={"patient": ids.patient},
                body={"other": ids.own_patient, "confirmed": "true", "note": "x", "hl7_message": UNKNOWN},
            ),
        ],
        "unmerge": [Refusal(kind="not merged", values={"patient": ids.patient})],
        "settle_message": [
            Refusal(kind="unknown", values={"message": UNKNOWN}, body={"note": "x"}, role=admin),
            Refusal(kind="missing note", values={"message": ids.message}, role=admin),
            Refusal(kind="blank note", values={"message": ids.message}, body={"note": " "}, role=admin),
        ],
        "upload": [Refusal(kind="a form", values={"name": "x.pdf"}, body={"x": "y"}, role=clerk)],
        "quarantine_action": [
            Refusal(kind="unknown scan", values={"scan": UNKNOWN}, body={"operation": "retry"}, role=clerk),
            Refusal(kind="not quarantined", values={"scan": ids.scan}, body={"operation": "dismiss"}),
        ],
        "delivery_action": [
            Refusal(kind="none named", body={"operation": "discard"}, role=admin),
            Refusal(
                kind="unknown", body={"operation": "discard", "delivery": UNKNOWN, "note": "x"}, role=admin
            ),
        ],
        "account_add": [
            Refusal(kind="taken", body={"name": "reviewer", "role": "clerk"}, role=admin),
            Refusal(kind="bad name", body={"name": "a b/c", "role": "clerk"}, role=admin),
            Refusal(kind="unknown role", body={"name": "new", "role": "king"}, role=admin),
        ],
        "account_change": [
            Refusal(kind="unknown", values={"account": UNKNOWN}, body={"role": "clerk"}, role=admin)
        ],
        "password": [
            Refusal(kind="wrong", body=new_password),
            Refusal(kind="differ", body=new_password | {"confirmation": "another password"}),
        ],
        "code": [Refusal(kind="no password before it", body={"code": "123456"})],
        "reauthentication": [Refusal(kind="wrong password", body={"old": "x"})],
        "factor_add": [Refusal(kind="wrong code", body={"code": "000000"})],
        "recovery_codes": [Refusal(kind="no second factor")],
        "notices_seen": [Refusal(kind="malformed", body={"last": "x"})],
        "api_next": [],
        "api_claim": not_claimed,
        "api_release": malformed,
        "api_skip": malformed,
        "api_escalate": escalations,
        "api_enter": [
            Refusal(kind="bad date", values=mine, body={"dob": "1956-02-30"}),
            Refusal(kind="not claimed", values=other, body={"dob": "1956-03-08"}),
        ],
        "api_file": list(filings(ids)),
        "api_reject": [*noted(ids, "api_reject"), other_s_reject],
        "api_undo": [Refusal(kind="unknown", values={"decision": UNKNOWN})],
        "api_withdraw": list(noted(ids, "api_withdraw")),
        "api_arrange": [
            Refusal(kind=kind, values={"scan": ids.scan}, body=body) for kind, body in arrangements(ids)
        ],
    }  # fmt: skip


def test_no_refused_request_of_any_route_changes_a_table(
    hospital: Hospital, site: TestClient, sign_in_as: SignInAs
) -> None:
    users = {role: sign_in_as(role) for role in Role}
    ids = prepare(hospital, users[Role.SUPERVISOR], users[Role.REVIEWER])
    by_route = refusals(ids)
    assert set(by_route) == set(WRITING_ROUTES) - CANNOT_REFUSE
    before = dump(hospital)
    faults = []
    for name, cases in by_route.items():
        for case in cases:
            user, url = users[case.role], WRITING_ROUTES[name].format(**case.values)
            if url.startswith("/api/"):
                response = site.post(url, json=case.body, headers=user.headers)
            else:
                response = user.post(url, **case.body)
            after = dump(hospital)
            changed = [table for table, digest in after.items() if digest != before[table]]
            if changed or not 400 <= response.status_code < 500:
                faults.append((name, case.kind, response.status_code, changed))
            before = after
    assert faults == []


def test_a_refused_change_is_recorded_as_refused(hospital: Hospital, sign_in_as: SignInAs) -> None:
    user = sign_in_as(Role.SUPERVISOR)
    ids = prepare(hospital, user, sign_in_as(Role.REVIEWER))
    form = {"revision": 1, "type": "letter", "patient": ids.patient}
    user.post(f"/items/{ids.mine}/file", **form, **{"field.date_of_service": "2026-02-30"})
    user.post(f"/documents/{ids.filed}/withdraw", revision=7, note="Not a record.")
    rows = hospital.connection.execute("select action, detail from audit order by id").fetchall()
    assert [(row["action"], row["detail"]["refused"], row["detail"].get("code")) for row in rows] == [
        ("decide", True, None),
        ("decide", True, "stale_revision"),
    ]
    assert RULES["withdraw"].audit == "decide"
