"""Pages from templates: autoescaped, with what every page needs to know about the visit."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from pipeline.config import document_types
from pipeline.web.auth.permissions import RULES, Role, allowed
from pipeline.web.auth.request_context import Visit
from pipeline.web.review.review_reasons import all_told, kind, told

HERE = Path(__file__).parent
STATIC = HERE / "static"
MENU = (  # route, address, word, key after g
    ("queue", "/queue", "Queue", "q"),
    ("patients", "/patients", "Patients", "p"),
    ("search", "/search", "Search", "s"),
    ("today", "/today", "Today", "t"),
    ("quarantine", "/quarantine", "Quarantine", "z"),
    ("ledger", "/ledger", "Ledger", "l"),
    ("deliveries", "/deliveries", "Deliveries", "v"),
    ("supervisor", "/supervisor", "Figures", "f"),
    ("audit", "/audit", "Audit", "a"),
    ("accounts", "/accounts", "Accounts", "k"),
)
FIELD_NAMES = {"mrn": "MRN", "dob": "Birth date", "patient_name": "Patient name", "ssn": "SSN", "npi": "NPI"}


@cache
def environment() -> Environment:
    """The templates."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(
        {
            f.__name__: f
            for f in (
                ago,
                moment,
                field_name,
                type_name,
                percent,
                share,
                person,
                bits,
                marked,
                told,
                all_told,
                kind,
            )
        }
    )
    found.globals.update(static=static, types=document_types())
    return found


def page(visit: Visit | None, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A whole page. `visit` is None where nobody is signed in."""
    role = visit.account.role if visit else None
    common = {
        "account": visit.account if visit else None,
        "csrf": visit.csrf if visit else "",
        "menu": [entry for entry in MENU if role and entry[0] in RULES and allowed(entry[0], role)],
        "here": visit.request.url.path if visit else "",
        "behind": visit.behind if visit else 0.0,
        "may": (lambda route: allowed(route, role)) if role else (lambda _: False),
    }
    return HTMLResponse(environment().get_template(template).render(common | values), status_code=status)


def fragment(template: str, **values: Any) -> str:
    """A part of a page."""
    return environment().get_template(template).render(values)


@cache
def static(name: str) -> str:
    """The address of a file of ours; it changes with the file, so that a browser may keep it for ever."""
    return f"/static/{name}?v={sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def ago(when: datetime) -> str:
    """How long ago, in the largest unit that says enough: 5 min, 3 h, 2 d."""
    seconds = max(0, int((datetime.now(UTC) - when).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def moment(when: datetime | None) -> str:
    """A point in time, in the machine's own zone."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M") if when else ""


def percent(value: float | None) -> str:
    """A probability, with as many digits as tell it from certainty."""
    if value is None:
        return ""
    if 0.01 <= value <= 0.99:
        return f"{value:.0%}"
    if 0.0001 <= value <= 0.9999:
        return f"{value:.2%}"
    return "> 99.99%" if value > 0.5 else "< 0.01%"


def share(value: float) -> str:
    """A part of what was counted: all of it is 100%, whatever may come."""
    return f"{value:.0%}" if value in (0, 1) else percent(value)


def bits(weight: float | None) -> str:
    """A weight with its sign."""
    return "" if weight is None else f"{weight:+.1f}"


def field_name(name: str) -> str:
    """An index field's name as a person writes it."""
    return FIELD_NAMES.get(name, name.replace("_", " ").capitalize())


def type_name(key: str | None) -> str:
    """A document type's name."""
    known = document_types().get(key or "")
    return known.name if known else (key or "")


def person(record: dict[str, Any] | None) -> str:
    """A person's name, family name first."""
    if not record:
        return ""
    given = " ".join(part for part in (record.get("given"), record.get("middle")) if part)
    family = " ".join(part for part in (record.get("family"), record.get("suffix")) if part)
    return ", ".join(part for part in (family, given) if part)


def marked(snippet: str) -> Markup:
    """A snippet with its hits, which stand between \\x02 and \\x03, marked."""
    return Markup(str(escape(snippet)).replace("\x02", "<mark>").replace("\x03", "</mark>"))  # noqa: S704 - escaped just here


def role_titles() -> dict[str, str]:
    """Every role by its key."""
    return {role.value: role.title for role in Role}
