"""The table of permissions: which roles may use which route.

The application does not start with a route that has no rule, and a role that is not in a route's rule is
refused. docs/reference/roles.md shows the same table; `make docs` writes it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """A user's role in the organization. Each account has exactly one."""

    CLERK = "clerk"
    REVIEWER = "reviewer"
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    PRIVACY_OFFICER = "privacy_officer"
    ADMINISTRATOR = "administrator"

    @property
    def database_role(self) -> str:
        """The database role whose rights a user of this role has."""
        return f"chartloom_{self.value}"

    @property
    def label(self) -> str:
        """The role's name as it is shown."""
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
    """Who may use a route, and how its use is audited.

    `roles`: None means anyone, signed in or not. `audit`: the action that every use must write to the audit
    log. `as_owner`: the route works with the application's own database rights instead of the user's role,
    because it concerns the user's own account or starts automatic processing."""

    roles: frozenset[Role] | None
    audit: str | None = None
    as_owner: bool = False


RULES: dict[str, Rule] = {
    # signing in and out
    "health": Rule(None),
    "login_page": Rule(None),
    "login": Rule(None),
    "oidc_login": Rule(None),
    "oidc_callback": Rule(None),
    "logout": Rule(EVERYONE, "logout", as_owner=True),
    "home": Rule(EVERYONE),
    "password_page": Rule(EVERYONE),
    "password": Rule(EVERYONE, "password", as_owner=True),
    # the review queue and its items
    "queue": Rule(REVIEWING, "queue"),
    "next_item": Rule(REVIEWING, "claim"),
    "item": Rule(REVIEWING, "view_item"),
    "compare_patient": Rule(REVIEWING, "compare_patient"),
    "claim": Rule(REVIEWING, "claim"),
    "renew_claim": Rule(REVIEWING),
    "release": Rule(REVIEWING, "release"),
    "escalate": Rule(REVIEWING, "escalate"),
    "enter_values": Rule(REVIEWING, "enter_values"),
    "file_item": Rule(REVIEWING, "decide"),
    "reject_item": Rule(REVIEWING, "decide"),
    "scan_pages": Rule(REVIEWING, "view_scan"),
    "arrange_pages": Rule(REVIEWING, "decide"),
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
    "reassign_document": Rule(REVIEWING, "decide"),
    "reassignment_report": Rule(REVIEWING | AUDITING, "view_disclosures", as_owner=True),
    "merge_page": Rule(SUPERVISING, "view_merge"),
    "merge": Rule(SUPERVISING, "merge", as_owner=True),
    "unmerge": Rule(SUPERVISING, "merge", as_owner=True),
    "messages": Rule(MANAGING, "view_messages"),
    "settle_message": Rule(MANAGING, "settle_message", as_owner=True),
    # intake and delivery
    "intake": Rule(INTAKE, "view_intake"),
    "intake_stream": Rule(INTAKE, "view_intake"),
    "upload": Rule(INTAKE, "upload", as_owner=True),
    "quarantine": Rule(INTAKE | {Role.REVIEWER}, "view_intake"),
    "quarantine_action": Rule(INTAKE | {Role.REVIEWER}, "quarantine", as_owner=True),
    "reconciliation": Rule(INTAKE, "view_intake"),
    "deliveries": Rule(MANAGING, "view_deliveries"),
    "delivery_action": Rule(MANAGING, "delivery", as_owner=True),
    # the JSON API
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
    "dashboard": Rule(MANAGING, "view_dashboard"),
    "dashboard_stream": Rule(MANAGING, "view_dashboard"),
    "audit": Rule(AUDITING, "view_audit"),
    "accounts": Rule(ADMINISTERING, "view_accounts"),
    "account_add": Rule(ADMINISTERING, "account"),
    "account_change": Rule(ADMINISTERING, "account"),
}


def is_allowed(route: str, role: Role) -> bool:
    """Return whether this role may use this route. Raises KeyError for a route that has no rule."""
    rule = RULES[route]
    return rule.roles is None or role in rule.roles


def permissions_table() -> str:
    """Return the rules as a Markdown table."""
    head = "| route | " + " | ".join(role.label for role in Role) + " | not signed in | audit action |"
    lines = [head, "|" + " --- |" * (len(Role) + 3)]
    for name, rule in RULES.items():
        cells = ["yes" if is_allowed(name, role) else "" for role in Role]
        public = "yes" if rule.roles is None else ""
        lines.append(f"| {name} | {' | '.join(cells)} | {public} | {rule.audit or ''} |")
    return "\n".join(lines) + "\n"
