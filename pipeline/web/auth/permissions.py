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


class Step(StrEnum):
    """What a person has to do after the password, before anything else."""

    CODE = "code"
    NEW_PASSWORD = "new_password"  # noqa: S105 -- the name of a step
    ENROLLMENT = "enrollment"
    NOTICES = "notices"

    @property
    def page(self) -> str:
        """The address of the page that serves this step."""
        return STEP_PAGES[self]


class Scope(StrEnum):
    """A group of routes of the JSON API to which a token can be limited."""

    REVIEW_READ = "review.read"
    REVIEW_DECIDE = "review.decide"
    PATIENTS = "patients"
    DOCUMENTS = "documents"
    SEARCH = "search"


STEP_PAGES = {
    Step.CODE: "/login/code",
    Step.NEW_PASSWORD: "/password",
    Step.ENROLLMENT: "/account/second-factor",
    Step.NOTICES: "/account/notices",
}
ALL_SCOPES = tuple(Scope)
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
    because it concerns the user's own account or starts automatic processing. `steps`: the steps of signing
    in during which the route may be used. `is_fresh`: the person must have proved who they are within
    sign_in.reauthentication_minutes. `scope`: what an API token needs."""

    roles: frozenset[Role] | None
    audit: str | None = None
    as_owner: bool = False
    steps: frozenset[Step] = frozenset()
    is_fresh: bool = False
    scope: Scope | None = None


RULES: dict[str, Rule] = {
    # signing in and out
    "health": Rule(None),
    "login_page": Rule(None),
    "login": Rule(None),
    "oidc_login": Rule(None),
    "oidc_callback": Rule(None),
    "logout": Rule(EVERYONE, "logout", as_owner=True, steps=frozenset(Step)),
    "home": Rule(EVERYONE),
    "code_page": Rule(EVERYONE, steps=frozenset({Step.CODE})),
    "code": Rule(EVERYONE, "login", as_owner=True, steps=frozenset({Step.CODE})),
    # one's own account
    "account": Rule(EVERYONE, as_owner=True),
    "notices": Rule(EVERYONE, as_owner=True, steps=frozenset({Step.NOTICES})),
    "notices_seen": Rule(EVERYONE, "notices_seen", as_owner=True, steps=frozenset({Step.NOTICES})),
    "password_page": Rule(EVERYONE, steps=frozenset({Step.NEW_PASSWORD})),
    "password": Rule(EVERYONE, "password", as_owner=True, steps=frozenset({Step.NEW_PASSWORD})),
    "factor_page": Rule(EVERYONE, as_owner=True, steps=frozenset({Step.ENROLLMENT}), is_fresh=True),
    "factor_add": Rule(
        EVERYONE, "second_factor", as_owner=True, steps=frozenset({Step.ENROLLMENT}), is_fresh=True
    ),
    "factor_remove": Rule(EVERYONE, "second_factor", as_owner=True, is_fresh=True),
    "recovery_codes": Rule(EVERYONE, "second_factor", as_owner=True, is_fresh=True),
    "reauthentication_page": Rule(EVERYONE, as_owner=True, steps=frozenset({Step.ENROLLMENT})),
    "reauthentication": Rule(EVERYONE, "reauthentication", as_owner=True, steps=frozenset({Step.ENROLLMENT})),
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
    "api_queue": Rule(REVIEWING, "queue", scope=Scope.REVIEW_READ),
    "api_next": Rule(REVIEWING, "claim", scope=Scope.REVIEW_DECIDE),
    "api_item": Rule(REVIEWING, "view_item", scope=Scope.REVIEW_READ),
    "api_claim": Rule(REVIEWING, "claim", scope=Scope.REVIEW_DECIDE),
    "api_release": Rule(REVIEWING, "release", scope=Scope.REVIEW_DECIDE),
    "api_file": Rule(REVIEWING, "decide", scope=Scope.REVIEW_DECIDE),
    "api_reject": Rule(REVIEWING, "decide", scope=Scope.REVIEW_DECIDE),
    "api_skip": Rule(REVIEWING, "release", scope=Scope.REVIEW_DECIDE),
    "api_escalate": Rule(REVIEWING, "escalate", scope=Scope.REVIEW_DECIDE),
    "api_enter": Rule(REVIEWING, "enter_values", scope=Scope.REVIEW_DECIDE),
    "api_undo": Rule(REVIEWING, "decide", scope=Scope.REVIEW_DECIDE),
    "api_withdraw": Rule(REVIEWING, "decide", scope=Scope.REVIEW_DECIDE),
    "api_arrange": Rule(REVIEWING, "decide", scope=Scope.REVIEW_DECIDE),
    "api_patients": Rule(READING, "search_patients", scope=Scope.PATIENTS),
    "api_chart": Rule(READING, "view_chart", scope=Scope.PATIENTS),
    "api_document": Rule(READING, "view_document", scope=Scope.DOCUMENTS),
    "api_document_pdf": Rule(READING, "download", scope=Scope.DOCUMENTS),
    "api_search": Rule(READING, "search", scope=Scope.SEARCH),
    # oversight
    "dashboard": Rule(MANAGING, "view_dashboard"),
    "dashboard_stream": Rule(MANAGING, "view_dashboard"),
    "audit": Rule(AUDITING, "view_audit"),
    "accounts": Rule(ADMINISTERING, "view_accounts"),
    "account_add": Rule(ADMINISTERING, "account", is_fresh=True),
    "account_change": Rule(ADMINISTERING, "account", is_fresh=True),
    "tokens": Rule(ADMINISTERING, "view_tokens"),
    "token_revoke": Rule(ADMINISTERING, "token", is_fresh=True),
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
