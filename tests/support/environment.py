"""The environment variables by which a child process finds an installation that is already running."""

from __future__ import annotations

from pipeline.config import Settings


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables by which a child process reaches the same database and store.

    The settings must name both."""
    database, storage = settings.database, settings.storage
    assert database.dsn is not None
    assert storage.endpoint is not None
    return {
        "CHARTLOOM_HOME": str(settings.home),
        "CHARTLOOM_DATABASE__DSN": database.dsn.get_secret_value(),
        "CHARTLOOM_STORAGE__ENDPOINT": storage.endpoint,
        "CHARTLOOM_STORAGE__ACCESS_KEY": storage.access_key or "",
        "CHARTLOOM_STORAGE__SECRET_KEY": storage.secret_key.get_secret_value() if storage.secret_key else "",
        "CHARTLOOM_STORAGE__BUCKET": storage.bucket,
    }
