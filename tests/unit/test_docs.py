"""The reference pages describe the program as it is."""

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
def generated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages as they would be generated now."""
    show = "import make, json; print(json.dumps({page: write() for page, write in make.PAGES.items()}))"
    ran = subprocess.run(
        [sys.executable, "-c", show], cwd=ROOT / "docs", capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'docs'}{os.pathsep}{ROOT}"},
    )  # fmt: skip
    import json

    pages: dict[str, str] = json.loads(ran.stdout)
    return pages


@pytest.mark.parametrize("page", ["commands.md", "settings.md", "roles.md"])
def test_a_generated_page_is_up_to_date(page: str, generated: dict[str, str]) -> None:
    assert (REFERENCE / page).read_text(encoding="utf-8") == generated[page], "run `make docs`"


@pytest.mark.parametrize("part", ["Example: ", "Exit codes: "])
def test_every_command_has_an_example_and_exit_codes(part: str, generated: dict[str, str]) -> None:
    sections = re.split(r"^## ", generated["commands.md"], flags=re.MULTILINE)[1:]
    assert len(sections) > 10
    assert [section.splitlines()[0] for section in sections if part not in section] == []


def test_every_command_is_named_in_a_page_written_by_hand(generated: dict[str, str]) -> None:
    names = re.findall(r"^## chartloom (.+)$", generated["commands.md"], flags=re.MULTILINE)
    pages = [page for page in (ROOT / "docs").rglob("*.md") if page.name not in generated]
    text = " ".join(page.read_text(encoding="utf-8") for page in [*pages, ROOT / "README.md"])
    assert [name for name in names if not re.search(rf"\bchartloom {name}\b", " ".join(text.split()))] == []


def test_every_setting_is_explained(generated: dict[str, str]) -> None:
    rows = [line for line in generated["settings.md"].splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


def test_every_exit_code_is_documented() -> None:
    page = (REFERENCE / "exit-codes.md").read_text(encoding="utf-8")
    for error in with_subclasses(ChartloomError):
        assert f"| {error.exit_code} |" in page, error


def with_subclasses(error: type[ChartloomError]) -> list[type[ChartloomError]]:
    return [error, *(each for child in error.__subclasses__() for each in with_subclasses(child))]
