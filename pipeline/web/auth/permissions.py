"""Who may do what: one table of every route. A route that is not in it does not start; a role that is not in
its row is refused.

docs/reference/roles.md has this table; `make docs` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person is in this house. Each person has exactly one."""

    CLERK = "clerk"
    REVIEWER = "reviewer"
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    PRIVACY_OFFICER = "privacy_officer"
    ADMINISTRATOR = "administrator"

    @property
    def in_database(self) -> str:
        """The role of the database that acts for a person of this role."""
        return f"chartloom_{self.value}"

    @property
    def title(self) -> str:  # type: ignore[override]
        """As a person writes it."""
        return self.value.replace("_", " ").capitalize()


EVERYONE = frozenset(Role)
INTAKE = frozenset({Role.CLERK, Role.SUPERVISOR, Role.ADMINISTRATOR})
REVIEWING = frozenset({Role.REVIEWER, Role.SUPERVISOR})
READING = frozenset({Role.REVIEWER, Role.CLINICIAN, Role.SUPERVISOR, Role.PRIVACY_OFFICER})
MANAGING = frozenset({Role.SUPERVISOR, Role.ADMINISTRATOR})
SUPERVISING = frozenset({Role.SUPERVISOR})
AUDITING = frozenset({Role.PRIVACY_OFFICER})
ADMINISTERING = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Rule:
    """`roles`: who may; None: anybody, signed in or not. `audit`: the action that every use must write in the
    audit table.

    `as_owner`: the route works with the application's own rights in the database, not with those of the
    person's role: it is about the person's own account, or hands work to the machine."""

    roles: frozenset[Role] | None
    audit: str | None = None
    as_owner: bool = False


RULES: dict[str, Rule] = {
    # coming and going
    "health": Rule(None),
    "login_page": Rule(None),
    "login": Rule(None),
    "oidc_leave": Rule(None),
    "oidc_back": Rule(None),
    "logout": Rule(EVERYONE, "logout", as_owner=True),
    "home": Rule(EVERYONE),
    "password_page": Rule(EVERYONE),
    "password": Rule(EVERYONE, "password", as_owner=True),
    # the review queue and its items
    "queue": Rule(REVIEWING, "queue"),
    "next_item": Rule(REVIEWING, "claim"),
    "item": Rule(REVIEWING, "view_item"),
    "claim": Rule(REVIEWING, "claim"),
    "keep": Rule(REVIEWING),
    "release": Rule(REVIEWING, "release"),
    "escalate": Rule(REVIEWING, "escalate"),
    "enter_values": Rule(REVIEWING, "enter_values"),
    "file_item": Rule(REVIEWING, "decide"),
    "reject_item": Rule(REVIEWING, "decide"),
    "scan_pages": Rule(REVIEWING, "view_scan"),
    "arrange": Rule(REVIEWING, "decide"),
    "undo": Rule(REVIEWING, "decide"),
    # charts
    "patients": Rule(READING, "search_patients"),
    "patients_json": Rule(READING, "search_patients"),
    "chart": Rule(READING, "view_chart"),
    "search": Rule(READING, "search"),
    "document": Rule(READING, "view_document"),
    "document_pdf": Rule(READING, "download"),
    "chart_pdf": Rule(READING, "download"),
    "page_preview": Rule(READING, "view_page"),
    "page_text": Rule(REVIEWING, "view_page"),
    "withdraw": Rule(REVIEWING, "decide"),
    "move_document": Rule(REVIEWING, "decide"),
    "move_report": Rule(REVIEWING | AUDITING, "view_exposure", as_owner=True),
    "merge_page": Rule(SUPERVISING, "view_merge"),
    "merge": Rule(SUPERVISING, "merge", as_owner=True),
    "unmerge": Rule(SUPERVISING, "merge", as_owner=True),
    # intake
    "today": Rule(INTAKE, "view_intake"),
    "today_stream": Rule(INTAKE, "view_intake"),
    "upload": Rule(INTAKE, "upload", as_owner=True),
    "quarantine": Rule(INTAKE | {Role.REVIEWER}, "view_intake"),
    "quarantine_act": Rule(INTAKE | {Role.REVIEWER}, "quarantine", as_owner=True),
    "ledger": Rule(INTAKE, "view_intake"),
    "deliveries": Rule(MANAGING, "view_deliveries"),
    "delivery_act": Rule(MANAGING, "delivery", as_owner=True),
    # for programs
    "api_openapi": Rule(None),
    "api_queue": Rule(REVIEWING, "queue"),
    "api_next": Rule(REVIEWING, "claim"),
    "api_item": Rule(REVIEWING, "view_item"),
    "api_claim": Rule(REVIEWING, "claim"),
    "api_release": Rule(REVIEWING, "release"),
    "api_file": Rule(REVIEWING, "decide"),
    "api_reject": Rule(REVIEWING, "decide"),
    "api_skip": Rule(REVIEWING, "release"),
    "api_escalate": Rule(REVIEWING, "escalate"),
    "api_enter": Rule(REVIEWING, "enter_values"),
    "api_undo": Rule(REVIEWING, "decide"),
    "api_withdraw": Rule(REVIEWING, "decide"),
    "api_arrange": Rule(REVIEWING, "decide"),
    "api_patients": Rule(READING, "search_patients"),
    "api_chart": Rule(READING, "view_chart"),
    "api_document": Rule(READING, "view_document"),
    "api_document_pdf": Rule(READING, "download"),
    "api_search": Rule(READING, "search"),
    # oversight
    "supervisor": Rule(MANAGING, "view_figures"),
    "supervisor_stream": Rule(MANAGING, "view_figures"),
    "audit": Rule(AUDITING, "view_audit"),
    "accounts": Rule(ADMINISTERING, "view_accounts"),
    "account_add": Rule(ADMINISTERING, "account"),
    "account_change": Rule(ADMINISTERING, "account"),
}


def allowed(route: str, role: Role) -> bool:
    """May this role use this route? KeyError for a route that has no rule."""
    rule = RULES[route]
    return rule.roles is None or role in rule.roles


def table() -> str:
    """The rules as a Markdown table."""
    head = "| route | " + " | ".join(role.title for role in Role) + " | nobody | written in the audit as |"
    lines = [head, "|" + " --- |" * (len(Role) + 3)]
    for name, rule in RULES.items():
        cells = ["yes" if allowed(name, role) else "" for role in Role]
        lines.append(
            f"| {name} | {' | '.join(cells)} | {'yes' if rule.roles is None else ''} | {rule.audit or ''} |"
        )
    return "\n".join(lines) + "\n"
