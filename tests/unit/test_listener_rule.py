"""An address that other machines can reach needs TLS and known peers, or an exception by a setting."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.config import Settings, load_settings
from pipeline.config.listeners import check_exposure, exposures, is_loopback
from pipeline.config.values import parse_network
from pipeline.errors import ConfigurationError
from pipeline.runtime.installation import open_installation

CERTIFICATE = {"tls_certificate": "own.pem", "tls_key": "own.key"}
NETWORKS = {"allowed_networks": (parse_network("10.20.0.0/16"),)}
VERIFIED = "postgresql://a:b@db.hospital.example/c?sslmode=verify-full"


def changed(**tables: dict[str, Any]) -> Settings:
    settings = load_settings()
    sections = {name: getattr(settings, name).model_copy(update=value) for name, value in tables.items()}
    return settings.model_copy(update=sections)


def lacking(**tables: dict[str, Any]) -> list[str]:
    return [exposure.table for exposure in exposures(changed(**tables))]


def test_the_shipped_settings_let_no_other_machine_in() -> None:
    assert lacking() == []


def test_a_web_address_that_others_can_reach_needs_a_certificate_also_behind_a_proxy() -> None:
    open_to_all = {"host": "0.0.0.0"}
    assert lacking(web=open_to_all) == ["web"]
    assert lacking(web=open_to_all | {"trusted_proxies": NETWORKS["allowed_networks"]}) == ["web"]
    assert lacking(web=open_to_all | CERTIFICATE) == []


@pytest.mark.parametrize("table", ["adt", "metrics"])
def test_a_listener_for_programs_needs_tls_and_known_peers(table: str) -> None:
    open_to_all = {"host": "10.20.0.9"}
    assert lacking(**{table: open_to_all}) == [table]
    assert lacking(**{table: open_to_all | CERTIFICATE}) == [table]
    assert lacking(**{table: open_to_all | NETWORKS}) == [table]
    assert lacking(**{table: open_to_all | CERTIFICATE | NETWORKS}) == []
    assert lacking(**{table: open_to_all | CERTIFICATE | {"tls_client_ca": "senders.pem"}}) == []


def test_metrics_that_are_off_need_nothing() -> None:
    assert lacking(metrics={"host": "0.0.0.0", "web_port": 0, "worker_port": 0}) == []


@pytest.mark.parametrize(
    ("dsn", "is_safe"),
    [
        ("postgresql://a:b@127.0.0.1:5432/c", True),
        ("postgresql://a:b@[::1]/c", True),
        ("host=/var/run/postgresql dbname=c", True),
        ("dbname=c", True),
        (VERIFIED, True),
        ("host=db.hospital.example dbname=c sslmode=verify-ca", True),
        ("postgresql://a:b@db.hospital.example/c", False),
        ("postgresql://a:b@db.hospital.example/c?sslmode=require", False),
        ("postgresql://a:b@127.0.0.1,db.hospital.example/c", False),
        ("postgresql://a:b@localhost/c?hostaddr=10.20.0.9", False),
    ],
)
def test_the_database_of_another_machine_must_prove_who_it_is(dsn: str, is_safe: bool) -> None:
    for name in ("dsn", "replica_dsn"):
        assert lacking(database={name: SecretStr(dsn)}) == ([] if is_safe else ["database"])


def test_the_store_of_another_machine_must_use_tls() -> None:
    assert lacking(storage={"endpoint": "store.hospital.example:9000"}) == ["storage"]
    assert lacking(storage={"endpoint": "store.hospital.example:9000", "secure": True}) == []
    for endpoint in ("127.0.0.1:8333", "localhost", "[::1]:8333"):
        assert lacking(storage={"endpoint": endpoint}) == []


def test_a_name_that_only_looks_like_loopback_is_not_loopback() -> None:
    assert not any(map(is_loopback, ("127.0.0.1.example", "localhost.example", "0.0.0.0", "::", "")))


def test_an_exception_by_a_setting_is_logged_and_anything_else_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (exposure,) = exposures(changed(adt={"host": "0.0.0.0"}))
    with pytest.raises(ConfigurationError) as refused:
        check_exposure(exposure)
    assert "adt.tls_certificate" in refused.value.remedy
    (allowed,) = exposures(changed(adt={"host": "0.0.0.0", "allow_insecure": True}))
    with caplog.at_level(logging.WARNING):
        check_exposure(allowed)
    assert "insecure address" in caplog.text


def test_no_command_connects_to_a_database_that_it_cannot_verify() -> None:
    settings = changed(database={"dsn": SecretStr("postgresql://a:b@db.hospital.example/c")})
    with pytest.raises(ConfigurationError, match=r"db\.hospital\.example"), open_installation(settings):
        pass
