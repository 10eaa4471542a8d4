"""The log of a command that runs for long: a line on standard error for each thing, with its time and its
ids.

Lines carry ids, codes and counts, never a patient's text nor a file's name. structlog's loggers and the
standard library's write the same kind of line:

    2026-05-04T09:30:00Z INFO event="file taken" scan=17 status=stored pages=3
"""

from __future__ import annotations

import logging
import sys
import time

FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s"
CHATTY = ("psycopg.pool", "urllib3")  # they would tell of each of their many tries to reconnect


def set_up(level: int = logging.INFO) -> None:
    """Log our own loggers from that level on, those of the libraries from WARNING on."""
    import structlog

    formatter = logging.Formatter(FORMAT, "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("pipeline").setLevel(level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.ERROR)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            lambda _, __, event: {key: value for key, value in event.items() if value is not None},
            structlog.processors.LogfmtRenderer(key_order=["event"], drop_missing=True, bool_as_flag=False),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
