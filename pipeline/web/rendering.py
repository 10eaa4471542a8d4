"""Rendering of pages: autoescaped Jinja templates with the values that every page needs.

Filters of the templates:
    date, datetime         a date or time in the hospital's form (pipeline.web.dates)
    field_value(name)      an index field's stored value as it is shown: a date in the hospital's form
    age                    the time since a moment, in one unit: 5 min, 3 h, 2 d
    page_list              page numbers as text: pages 1-3, 5
    field_label            an index field's name, or another identifier, in words
    type_name              a document type's name
    person_name            a person's name, family name first
    probability, share     a probability or a proportion in percent
    bits                   an evidence weight with its sign
    highlight              a search snippet with its hits marked
    reason_text            a review reason in words (see review_reasons)
    group_reasons          several reasons, grouped by their advice
    kind_label             a kind of review reasons in words

Globals: `static_url` (the address of a static file), `types` (the document types), `date_pattern` (the form
in which a date is typed)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from pipeline.config import document_types
from pipeline.web.auth.permissions import Role, is_allowed
from pipeline.web.auth.request_context import RequestContext
from pipeline.web.dates import DATE_FIELDS, DateFormat
from pipeline.web.review.review_reasons import group_reasons, kind_label, reason_text

WEB_FOLDER = Path(__file__).parent
STATIC_FOLDER = WEB_FOLDER / "static"
MENU = (  # route, address, label, key after g
    ("queue", "/queue", "Queue", "q"),
    ("patients", "/patients", "Patients", "p"),
    ("search", "/search", "Search", "s"),
    ("intake", "/intake", "Intake", "i"),
    ("quarantine", "/quarantine", "Quarantine", "z"),
    ("reconciliation", "/reconciliation", "Reconciliation", "r"),
    ("deliveries", "/deliveries", "Deliveries", "v"),
    ("messages", "/messages", "HL7", "h"),
    ("dashboard", "/dashboard", "Dashboard", "d"),
    ("audit", "/audit", "Audit", "a"),
    ("accounts", "/accounts", "Accounts", "k"),
)
FIRST_ERROR_STATUS = 400
FIELD_LABELS = {
    "mrn": "MRN",
    "dob": "Date of birth",
    "patient_name": "Patient name",
    "ssn": "SSN",
    "npi": "NPI",
    "given": "First name",
    "family": "Last name",
    "zip": "ZIP code",
}


@cache
def template_environment(dates: DateFormat) -> Environment:
    """Return the templates, which show dates and times in this form."""
    environment = Environment(
        loader=FileSystemLoader(WEB_FOLDER / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        date=dates.format_date,
        datetime=dates.format_datetime,
        field_value=lambda value, name: dates.format_date(value) if name in DATE_FIELDS else value,
        age=format_age,
        page_list=page_list,
        field_label=field_label,
        type_name=type_name,
        person_name=person_name,
        probability=format_probability,
        share=format_share,
        bits=format_bits,
        highlight=highlight,
        reason_text=reason_text,
        group_reasons=group_reasons,
        kind_label=kind_label,
    )
    environment.globals.update(static_url=static_url, types=document_types(), date_pattern=dates.pattern)
    return environment


def render_page(
    context: RequestContext | None, template: str, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """Return a complete page. `context` is None if no one is signed in.

    If `status` is an error, the request's transaction is rolled back."""
    if context is not None and status >= FIRST_ERROR_STATUS:
        context.is_refused = True
    role = context.account.role if context else None
    is_incomplete = context is not None and context.step is not None
    dates = context.app.dates if context else DateFormat()
    common = {
        "account": context.account if context else None,
        "csrf": context.csrf if context else "",
        "menu": [entry for entry in MENU if role and not is_incomplete and is_allowed(entry[0], role)],
        "current_path": context.request.url.path if context else "",
        "lag_seconds": context.lag_seconds if context else 0.0,
        "may": (lambda route: is_allowed(route, role)) if role else (lambda _: False),
    }
    html = template_environment(dates).get_template(template).render(common | values)
    return HTMLResponse(html, status_code=status)


def render_fragment(dates: DateFormat, template: str, **values: Any) -> str:
    """Return a part of a page."""
    return template_environment(dates).get_template(template).render(values)


@cache
def static_url(name: str) -> str:
    """Return the address of a static file. It changes with the file, so browsers may cache it forever."""
    return f"/static/{name}?v={sha256((STATIC_FOLDER / name).read_bytes()).hexdigest()[:12]}"


def format_age(since: datetime) -> str:
    """Return the time since a moment, in the largest unit that fits: 5 min, 3 h, 2 d."""
    seconds = max(0, int((datetime.now(UTC) - since).total_seconds()))
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def page_list(numbers: Sequence[int]) -> str:
    """Return page numbers as text, consecutive ones as a range: page 3, pages 1-3, 5."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1] = [runs[-1][0], number]
        else:
            runs.append([number])
    text = ", ".join("-".join(map(str, run)) for run in runs)
    return f"page {text}" if len(numbers) == 1 else f"pages {text}"


def format_probability(value: float | None) -> str:
    """Return a probability in percent, with as many digits as are needed to differ from certainty."""
    if value is None:
        return ""
    if 0.01 <= value <= 0.99:
        return f"{value:.0%}"
    if 0.0001 <= value <= 0.9999:
        return f"{value:.2%}"
    return "> 99.99%" if value > 0.5 else "< 0.01%"


def format_share(value: float) -> str:
    """Return a proportion of counted things in percent. Unlike a probability, it may be exactly 0 or 100."""
    return f"{value:.0%}" if value in (0, 1) else format_probability(value)


def format_bits(weight: float | None) -> str:
    """Return an evidence weight with its sign."""
    return "" if weight is None else f"{weight:+.1f}"


def field_label(name: str) -> str:
    """Return the label of an index field."""
    return FIELD_LABELS.get(name, name.replace("_", " ").capitalize())


def type_name(key: str | None) -> str:
    """Return a document type's name."""
    document_type = document_types().get(key or "")
    return document_type.name if document_type else (key or "")


def person_name(record: dict[str, Any] | None) -> str:
    """Return a person's name, family name first."""
    if not record:
        return ""
    given = " ".join(part for part in (record.get("given"), record.get("middle")) if part)
    family = " ".join(part for part in (record.get("family"), record.get("suffix")) if part)
    return ", ".join(part for part in (family, given) if part)


def highlight(snippet: str) -> Markup:
    """Return a search snippet as HTML with its hits, which are between \\x02 and \\x03, marked."""
    return escape(snippet).replace("\x02", Markup("<mark>")).replace("\x03", Markup("</mark>"))


def role_titles() -> dict[str, str]:
    """Return the title of each role by its key."""
    return {role.value: role.label for role in Role}
