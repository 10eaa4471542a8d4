"""Fixtures for the tests of the web application: clients that are signed in as any role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from pipeline.config import Settings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.web.auth.permissions import Role
from tests.support.delivery_archive import Archive
from tests.support.hospital import Hospital, SignedInUser, application


@pytest.fixture
def site(hospital: Hospital, dsn: str) -> Iterator[TestClient]:
    """The application, without a session."""
    with (
        application(hospital, dsn) as app,
        TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client,
    ):
        yield client


@pytest.fixture
def sign_in_as(hospital: Hospital, site: TestClient) -> Callable[[Role], SignedInUser]:
    """Sign in a user of a role."""
    return lambda role: SignedInUser.sign_in(hospital, site, role)


@pytest.fixture
def archive(connection: Connection, blobs: Blobs, settings: Settings, dsn: str) -> Archive:
    """An archive with two patients."""
    return Archive(connection=connection, blobs=blobs, settings=settings, dsn=dsn)
