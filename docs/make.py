"""Write the reference pages that are made from the program itself: `make docs`.

docs/reference/commands.md  every command's own --help
docs/reference/settings.md  every setting of config/default.toml, with its value and its reason
docs/reference/roles.md     the table in it: every route, by role
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperGroup
from typer.testing import CliRunner

from pipeline.cli import app, register
from pipeline.config import Settings
from pipeline.resources import CONFIG
from pipeline.web.auth.permissions import permissions_table

REFERENCE = Path(__file__).resolve().parent / "reference"
WIDTH = "100"  # of the help texts, in characters
SETTING = re.compile(r"^(?P<name>\w+) = (?P<value>.+?)(?:\s+# (?P<reason>.*))?$")
CONTINUED = re.compile(r"^\s*# (?P<reason>.*)$")
ROUTES = re.compile(r"^\| route .*\n(\|.*\n)+", flags=re.MULTILINE)
COMMANDS_HEAD = """# Commands

Made by `make docs` from the commands' own `--help`. Exit codes: [exit-codes.md](exit-codes.md); JSON: [json.md](json.md).
"""
SETTINGS_HEAD = """# Settings

Made by `make docs` from `config/default.toml`. Change a setting in `HOME/chartloom.toml`, under the table of the same name, or
by a variable of the environment: `CHARTLOOM_SECTION__NAME`, as in `CHARTLOOM_OCR__LANGUAGES=eng+spa`. The environment has the
last word. `CHARTLOOM_HOME` or `--home` says where the installation lies. A setting that does not exist is refused.

These have no default:

| setting | meaning |
|---|---|
| `database.dsn` | a Postgres to use, `postgresql://user:password@host/database`; without it the home's own is started |
| `storage.endpoint` | an S3 server to use, `host:port`; without it the home's own is started |
| `storage.access_key`, `storage.secret_key` | its keys |
| `intake.folder` | the folder that is watched; without it `HOME/intake` |
"""


def commands_page() -> str:
    """The help of every command, those of groups too."""
    os.environ.update(COLUMNS=WIDTH, TERMINAL_WIDTH=WIDTH, NO_COLOR="1", TERM="dumb")
    os.environ.pop("CHARTLOOM_HOME", None)
    register()
    runner = CliRunner()
    parts = [COMMANDS_HEAD]
    for name in command_names():
        text = runner.invoke(app, [*name.split(), "--help"], prog_name="chartloom").output
        lines = "\n".join(line.rstrip() for line in text.splitlines()).strip()
        parts.append(f"## chartloom {name}\n\n```\n{lines}\n```\n")
    return "\n".join(parts)


def command_names() -> list[str]:
    """`ingest`, `patients load` and so on, sorted; hidden ones are left out."""
    return sorted(_names(typer.main.get_command(app), ()))


def _names(command: object, above: tuple[str, ...]) -> Iterator[str]:
    if isinstance(command, TyperGroup):
        for name, below in command.commands.items():
            if not below.hidden:
                yield from _names(below, (*above, name))
    else:
        yield " ".join(above)


def settings_page() -> str:
    """A table for each section of default.toml."""
    text = (CONFIG / "default.toml").read_text(encoding="utf-8")
    parts = [SETTINGS_HEAD]
    for section, body in _sections(text):
        rows = "".join(f"| `{name}` | `{value}` | {reason} |\n" for name, value, reason in _entries(body))
        parts.append(f"## {section}\n\n| name | default | why |\n|---|---|---|\n{rows}")
    return "\n".join(parts)


def _sections(text: str) -> Iterator[tuple[str, str]]:
    _, *parts = re.split(r"^\[([\w.]+)\]\s*$", text, flags=re.MULTILINE)
    known = set(Settings.model_fields)
    for name, body in zip(parts[::2], parts[1::2], strict=True):
        if name.split(".")[0] in known:
            yield name, body


def _entries(body: str) -> Iterator[tuple[str, str, str]]:
    """(name, value, reason); a comment on the lines below a setting goes on with its reason."""
    found: list[list[str]] = []
    for line in body.splitlines():
        if setting := SETTING.match(line):
            tomllib.loads(f"{setting['name']} = {setting['value']}")  # else the value was cut wrongly
            found.append([setting["name"], setting["value"], setting["reason"] or ""])
        elif found and (more := CONTINUED.match(line)):
            found[-1][2] += " " + more["reason"]
    for name, value, reason in found:
        yield name, value.replace("|", "\\|"), reason.replace("|", "\\|")


def roles_page() -> str:
    """The page as it stands, with the table of the code."""
    page = (REFERENCE / "roles.md").read_text(encoding="utf-8")
    return ROUTES.sub(lambda _: permissions_table(), page, count=1)


PAGES = {"commands.md": commands_page, "settings.md": settings_page, "roles.md": roles_page}


if __name__ == "__main__":
    for page, make in PAGES.items():
        (REFERENCE / page).write_text(make(), encoding="utf-8")
