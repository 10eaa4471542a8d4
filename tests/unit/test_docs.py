"""The reference pages say what the program does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ChartloomError

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "docs" / "reference"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages as they would be made now."""
    show = "import make, json; print(json.dumps({page: write() for page, write in make.PAGES.items()}))"
    ran = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT / "docs", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'docs'}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    import json

    pages: dict[str, str] = json.loads(ran.stdout)
    return pages


@pytest.mark.parametrize("page", ["commands.md", "settings.md", "roles.md"])
def test_a_page_made_from_the_program_is_up_to_date(page: str, made: dict[str, str]) -> None:
    assert (REFERENCE / page).read_text(encoding="utf-8") == made[page], "run `make docs`"


def test_every_command_shows_an_example(made: dict[str, str]) -> None:
    sections = re.split(r"^## ", made["commands.md"], flags=re.MULTILINE)[1:]
    assert len(sections) > 10
    assert [section.splitlines()[0] for section in sections if "Example" not in section] == []


def test_every_setting_is_explained(made: dict[str, str]) -> None:
    rows = [line for line in made["settings.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_exit_code_is_documented() -> None:
    told = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    for kind in descendants(ChartloomError):
        assert f"| {kind.exit_code} |" in told, kind


def descendants(kind: type[ChartloomError]) -> list[type[ChartloomError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in descendants(child))]
