"""Logging: one structlog configuration for the whole project, in logfmt on standard error.

Every module logs with `log = get_logger(__name__)` and an event in a few fixed words with keys and values.
Log records of libraries take the same way and get the same form. Lines contain ids, codes and counts, never
the text of a page, a person's data or a file's name:

    2026-05-04T09:30:00.123Z INFO event="file ingested" scan=17 status=stored pages=3
"""

from __future__ import annotations

import logging
import sys
import time

import structlog
from structlog.stdlib import BoundLogger
from structlog.typing import EventDict, Processor

LINE_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"
QUIET_LIBRARIES = ("psycopg.pool", "urllib3")
"""Libraries that would log each of their many attempts to reconnect; only their errors are logged."""


def get_logger(name: str) -> BoundLogger:
    """Return the logger of a module."""
    return structlog.stdlib.get_logger(name)


def configure(level: int = logging.INFO) -> None:
    """Log to standard error: our modules from `level` on, libraries from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter(LINE_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pipeline").setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)


def drop_missing_values(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Return the event without the keys whose value is None."""
    return {key: value for key, value in event.items() if value is not None}


class LineFormatter(logging.Formatter):
    """Formats log records; records of libraries get the same form. The record itself is not changed: other
    handlers see it as it was logged.
    """

    converter = staticmethod(time.gmtime)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (the standard library's name)
        """Return the line of a record."""
        if not (record.name.startswith("pipeline") and record.message.startswith("event=")):
            record = logging.makeLogRecord(record.__dict__)
            record.message = str(RENDER(None, "", {"event": record.message, "logger": record.name}))
        return super().formatMessage(record)


RENDER = structlog.processors.LogfmtRenderer(key_order=["event"], drop_missing=True, bool_as_flag=False)
PROCESSORS: list[Processor] = [structlog.stdlib.filter_by_level, drop_missing_values, RENDER]

structlog.configure(
    processors=PROCESSORS,
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=BoundLogger,
)
