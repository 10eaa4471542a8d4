"""The database itself rejects what a role must not see, whatever the application requests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from pipeline.errors import ConfigurationError
from pipeline.runtime.installation import EmbeddedServices
from pipeline.store.database import connect
from pipeline.store.database_roles import NAMES, ensure_roles
from pipeline.web.auth.permissions import Role
from tests.support.hospital import Hospital, SignedInUser

SignInAs = Callable[[Role], SignedInUser]

READING = {Role.REVIEWER, Role.CLINICIAN, Role.SUPERVISOR, Role.PRIVACY_OFFICER}
SECRETS: tuple[tuple[str, set[Role]], ...] = (
    ("select text from document_page", READING),
    ("select words from page", READING),
    ("select value from document_field", READING),
    ("select machine_result from document", READING),
    ("select reasons, candidates from review_item", READING),
    ("select text from pending_page", READING),
    ("select family, dob from patient", READING),
    ("select id from find_patients('okafor', 5)", READING),
    ("select before, after from decision", READING),
    ("select entered from double_entry", READING),
    ("select account, patient_id from audit", {Role.PRIVACY_OFFICER}),
    ("select name, role from account", {Role.ADMINISTRATOR}),
    ("select password from account", set()),
    ("select token from web_session", set()),
    ("select secret from second_factor", set()),
    ("select code from recovery_code", set()),
    ("select actor from account_notice", set()),
    ("update account_notice set seen_at = now()", set()),
    ("select token from api_token", set()),
    ("select page from ocr_cache", set()),
    (
        "update document set status = 'filed', filed_at = now(), filed_by = 'x'",
        {Role.REVIEWER, Role.SUPERVISOR},
    ),
    ("update document set machine_result = '{}'", set()),
    ("update page set words = '[]'", set()),
    ("update patient set family = 'x'", set()),
    ("delete from document", set()),
    ("update audit set account = 'x'", set()),
    ("delete from audit", set()),
    ("truncate audit", set()),
)
# Tables that the web application never uses in the role of a user.
MACHINERYS = {
    *("known_device", "ocr_cache", "page_range", "worker", "schema_migration", "adt_message"),
    "patient_report",
    *("procrastinate_jobs", "procrastinate_events", "procrastinate_periodic_defers", "procrastinate_workers"),
    "installation",
}
INTERNAL_PREFIXES = ("migration_", "document_page_")  # migrated archives; the partitions of a granted table


def may(hospital: Hospital, role: Role, statement: str) -> bool:
    try:
        with hospital.connection.transaction(force_rollback=True):
            hospital.connection.execute(
                sql.SQL("set local role {}").format(sql.Identifier(role.database_role))
            )
            hospital.connection.execute(statement.encode())
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def test_the_database_allows_each_role_what_this_table_states_and_no_more(hospital: Hospital) -> None:
    hospital.uncertain_item()
    hospital.filed_document()
    wrong = [
        (statement, role.value)
        for statement, allowed in SECRETS
        for role in Role
        if may(hospital, role, statement) != (role in allowed)
    ]
    assert wrong == []


def test_every_role_can_add_an_audit_record(hospital: Hospital) -> None:
    line = "insert into audit (account, role, action) values ('x', 'x', 'x')"
    assert [role for role in Role if not may(hospital, role, line)] == []


def test_a_request_is_processed_with_the_rights_of_the_users_role(
    hospital: Hospital, sign_in_as: SignInAs
) -> None:
    hospital.filed_document()
    clinician, reviewer = sign_in_as(Role.CLINICIAN), sign_in_as(Role.REVIEWER)
    assert "Appendectomy" in clinician.get("/search?q=appendectomy").text
    hospital.connection.execute("revoke select on document_page from chartloom_clinician")
    refused = clinician.get("/search?q=appendectomy")
    assert refused.status_code == 500
    assert "Wielgosz" not in refused.text
    assert reviewer.get("/search?q=appendectomy").status_code == 200


def test_the_role_ends_with_the_request(hospital: Hospital, sign_in_as: SignInAs) -> None:
    clerk = sign_in_as(Role.CLERK)
    for _ in range(6):  # each connection of the pool
        assert clerk.get("/intake").status_code == 200
    assert sign_in_as(Role.CLINICIAN).get("/patients?q=okafor").status_code == 200


@pytest.fixture
def stranger(embedded: EmbeddedServices) -> Iterator[str]:
    """A login on the same server that may take on none of the roles, as an installation made before there
    were such roles.
    """
    name, password = f"stranger_{secrets.token_hex(4)}", secrets.token_hex(8)
    assert embedded.postgres is not None
    with connect(embedded.postgres.dsn(superuser=True)) as superuser:
        superuser.execute(f"create role {name} login password '{password}'".encode())
        yield make_conninfo(embedded.postgres.dsn(), user=name, password=password)
        superuser.execute(f"drop role {name}".encode())


def test_an_installation_without_the_roles_gets_them_from_its_superuser(
    embedded: EmbeddedServices, stranger: str
) -> None:
    assert embedded.postgres is not None
    with connect(stranger) as connection:
        ensure_roles(connection, embedded.postgres.dsn(superuser=True))
        connection.execute("set role chartloom_clerk")


def test_a_server_without_the_roles_reports_what_its_administrator_has_to_run(stranger: str) -> None:
    with connect(stranger) as connection, pytest.raises(ConfigurationError) as refused:
        ensure_roles(connection)
    assert "grant chartloom_clerk to" in refused.value.remedy


def test_every_table_is_granted_to_a_role_or_is_used_by_the_pipeline_alone(hospital: Hospital) -> None:
    tables = {
        row["n"]
        for row in hospital.connection.execute(
            "select tablename as n from pg_tables where schemaname = 'public'"
        )
    }
    given = """select table_name as n from information_schema.role_table_grants where grantee = any(%s)
               union select table_name from information_schema.column_privileges where grantee = any(%s)"""
    granted = {row["n"] for row in hospital.connection.execute(given, [list(NAMES), list(NAMES)])}
    forgotten = {name for name in tables - granted - MACHINERYS if not name.startswith(INTERNAL_PREFIXES)}
    assert forgotten == set(), "grant it in its migration, or name it here"
