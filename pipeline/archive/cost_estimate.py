"""What a migration costs, from the measured figures of a page in [archive.cost_model]."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.archive.throttle import open_share
from pipeline.config import ArchiveSettings

HOUR, DAY = 3600, 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU hours of one core, days on `cores` of them within the settings' hours and share, bytes of the store
    and of Postgres.
    """

    cores: int
    cpu_hours: float
    days: float
    store_bytes: int
    database_bytes: int


def cost_of(pages: int, original_bytes: int, cores: int, settings: ArchiveSettings) -> Cost:
    """The cost of so many pages."""
    figures = settings.cost_model
    seconds = pages * figures.cpu_seconds
    used = max(1.0, cores * settings.max_worker_share) * open_share(settings.schedule)
    return Cost(
        cores=cores,
        cpu_hours=seconds / HOUR,
        days=seconds / used / DAY,
        store_bytes=round(original_bytes + pages * figures.page_bytes),
        database_bytes=round(pages * figures.database_bytes),
    )
