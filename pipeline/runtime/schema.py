"""pipeline/store/schema.sql: the tables after all migrations, as Postgres itself dumps them, for people to
read.

`make schema` writes it; a test compares it with the migrations.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from importlib import resources
from pathlib import Path

from pipeline.config import load_settings
from pipeline.runtime.installation import open_installation
from pipeline.runtime.postgres import ENVIRONMENT, binaries

NOISE = re.compile(
    r"^(SET |SELECT pg_catalog|\\(un)?restrict |-- Dumped |COMMENT ON SCHEMA public |-- Name: .*|--)"
)
HEADER = "-- Made by `make schema` from the migrations. Read it, never edit it.\n\n"


def schema_file() -> Path:
    """Return the path of the schema file."""
    return Path(str(resources.files("pipeline.store"))) / "schema.sql"


def dump_schema(dsn: str) -> str:
    """Return the schema of a migrated database without the parts that differ from run to run."""
    ran = subprocess.run(
        [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", "--no-privileges", "--dbname", dsn],
        capture_output=True, text=True, check=True, env=ENVIRONMENT,
    )  # fmt: skip
    lines = [line.rstrip() for line in ran.stdout.splitlines() if not NOISE.match(line)]
    return HEADER + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def main() -> None:
    """Migrate an empty database and write its schema file."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_installation(load_settings(Path(folder) / "home"), store=False) as installation,
    ):
        schema_file().write_text(dump_schema(installation.dsn), encoding="utf-8")


if __name__ == "__main__":
    main()
