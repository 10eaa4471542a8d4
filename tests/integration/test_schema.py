"""The schema: what the migrations create, how an older database is upgraded, and the codes that it knows."""

from __future__ import annotations

import subprocess
from importlib import metadata, resources
from pathlib import Path

import psycopg
import pytest

from pipeline.runtime.postgres import ENVIRONMENT, binaries
from pipeline.runtime.schema import dump_schema, schema_file
from pipeline.store.database import Connection, connect
from pipeline.store.schema_migrations import migrate, migrations
from pipeline.web.review.review_reasons import ADVICE, KIND_LABELS

BASELINE = Path(__file__).parents[1] / "fixtures" / "baseline_0_1_0.sql"
BASELINE_MIGRATIONS = 9


def test_schema_sql_is_what_the_migrations_create(dsn: str) -> None:
    assert schema_file().read_text(encoding="utf-8") == dump_schema(dsn), "run `make schema`"


@pytest.fixture
def restored(dsn: str) -> str:
    """The DSN of a database restored from the dump of the first release."""
    with connect(dsn) as connection:
        connection.execute("drop schema public cascade")
        connection.execute("create schema public")
    psql = [str(binaries() / "psql"), "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", dsn]
    subprocess.run([*psql, "--file", str(BASELINE)], check=True, capture_output=True, env=ENVIRONMENT)
    return dsn


def test_a_database_of_the_first_release_is_upgraded_with_its_data(restored: str) -> None:
    with connect(restored) as connection:
        applied = migrate(connection)
        assert applied == [name for name, _ in migrations()][BASELINE_MIGRATIONS:]
        query = "select status, type, patient_id, encounter_id from document order by id"
        rows = connection.execute(query).fetchall()
        assert [tuple(row.values()) for row in rows] == [
            ("filed", "discharge_summary", 1, 1),
            ("review", "progress_note", None, None),
        ]
        assert connection.execute("select kinds from review_item").fetchone() == {"kinds": ["type"]}
        assert connection.execute("select state from delivery").fetchone() == {"state": "pending"}
        assert connection.execute("select mrn from find_patients('Okafor Lind')").fetchall()
    assert schema_file().read_text(encoding="utf-8") == dump_schema(restored)


def test_the_vendored_queue_schema_is_that_of_the_installed_procrastinate() -> None:
    vendored = {name: sql for name, sql in migrations() if "procrastinate" in name}
    version = metadata.version("procrastinate")
    assert [name.partition("_")[2] for name in vendored] == [f"procrastinate_{version.replace('.', '_')}"], (
        "add procrastinate's own migrations since the vendored version as a numbered migration"
    )
    shipped = resources.files("procrastinate").joinpath("sql/schema.sql").read_text(encoding="utf-8")
    assert all(sql.endswith(shipped) for sql in vendored.values())


def test_every_reason_code_has_one_kind_and_advice(connection: Connection) -> None:
    kinds = {row["code"]: row["kind"] for row in connection.execute("select code, kind from reason_code")}
    contradictions = {code for code in kinds if code.endswith("_contradicts")}
    assert set(ADVICE) == set(kinds) - contradictions
    assert set(kinds.values()) | {"quarantine"} == set(KIND_LABELS)


def test_a_reason_code_that_the_schema_does_not_have_is_rejected(connection: Connection) -> None:
    insert = "insert into review_item (scan_id, reasons, priority) values (%s, %s, 10)"
    scan = connection.execute(
        "insert into scan (sha256, name, media_type, size) values (repeat('a', 64), 'a', 'a', 1) returning id"
    ).fetchone()
    assert scan is not None
    with pytest.raises(psycopg.errors.CheckViolation, match="invented_code"):
        connection.execute(insert, [scan["id"], '[{"code": "invented_code"}]'])
    connection.execute(insert, [scan["id"], '[{"code": "type_uncertain"}, {"code": "no_patient_named"}]'])
    assert connection.execute("select kinds from review_item").fetchone() == {"kinds": ["patient", "type"]}
