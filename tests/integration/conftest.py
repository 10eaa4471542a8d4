"""For the tests of the review workspace: a browser-like client for each role."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from pipeline.config import Settings
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection
from pipeline.web.auth.permissions import Role
from tests.delivering import Archive
from tests.reviewing import House, Visitor, application


@pytest.fixture
def site(house: House, dsn: str) -> Iterator[TestClient]:
    """The application, asked by nobody in particular."""
    with (
        application(house, dsn) as app,
        TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client,
    ):
        yield client


@pytest.fixture
def enter(house: House, site: TestClient) -> Callable[[Role], Visitor]:
    """Sign somebody of that role in."""
    return lambda role: Visitor.enter(house, site, role)


@pytest.fixture
def archive(connection: Connection, blobs: Blobs, settings: Settings, dsn: str) -> Archive:
    """An archive with two patients."""
    return Archive(connection=connection, blobs=blobs, settings=settings, dsn=dsn)
