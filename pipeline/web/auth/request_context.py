"""A visit: one request by one person, in one transaction, with its line in the audit table.

Every route depends on `Visiting`. It finds out who asks, whether the table of roles lets them, and whether a
change comes from our own page; it opens the transaction that the route works in, and takes on the person's
role in the database for as long. When the route has ended and before anything is sent, what the audit needs
must have been recorded, or the request fails and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request

from pipeline.config import Settings
from pipeline.errors import ChartloomError
from pipeline.store.audit import write_audit
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, Pool
from pipeline.store.replica import Replica
from pipeline.web.auth.accounts import Account, account_of_token, csrf_of, resume
from pipeline.web.auth.oidc import Provider
from pipeline.web.auth.permissions import RULES, Role, Rule

COOKIE = "chartloom_session"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
SAFE = ("GET", "HEAD")
T = TypeVar("T")
API = "/api/"  # here a token says who asks, never a cookie: nothing for a foreign page to borrow


class NotAllowed(ChartloomError):
    """The person's role does not go with this route."""

    code = "not_allowed"


class ForeignRequest(ChartloomError):
    """A change that does not come from a page of ours."""

    code = "foreign_request"


class NotAudited(ChartloomError):
    """A route ended without the audit line that its rule asks for: a fault of ours, and nothing of it may be
    kept.
    """

    code = "not_audited"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What the application has at hand."""

    settings: Settings
    pool: Pool
    blobs: Callable[[], Blobs]
    enqueue: Callable[[Connection, int, int], None]
    """Enqueues the processing of a scan (its id, its priority) in the connection's transaction."""
    replica: Replica | None = None

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider, where the settings name one."""
        return (
            Provider(self.settings.web)
            if self.settings.web.oidc_issuer and self.settings.web.oidc_client_id
            else None
        )


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request that is allowed. `connection` is in a transaction that commits when the route returns."""

    request: Request
    desk: Desk
    connection: Connection
    rule: Rule
    account: Account
    csrf: str
    recorded: int = field(default=0)
    behind: float = field(default=0.0)
    """How many seconds what was asked may be behind the database."""

    def ask(self, question: Callable[[Connection], T]) -> T:
        """What a question that changes nothing finds, with the rights of the person: at the replica where
        there is one that is close behind, else in the visit's own transaction."""
        replica = self.desk.replica
        if replica is None:
            return question(self.connection)
        answer = replica.ask(
            self.connection, question, None if self.rule.as_owner else self.account.role.in_database
        )
        self.behind = max(self.behind, answer.behind)
        return answer.found

    def record(
        self,
        *,
        patient: int | None = None,
        document: int | None = None,
        scan: int | None = None,
        **detail: Any,
    ) -> None:
        """Write this use of the route in the audit table, in the route's own transaction."""
        assert self.rule.audit is not None, "the table of roles says what this route is called in the audit"
        self.recorded += 1
        write_audit(
            self.connection,
            self.account.name,
            self.rule.audit,
            role=self.account.role,
            address=address_of(self.request),
            patient=patient,
            document=document,
            scan=scan,
            detail=detail,
        )


def act_as(connection: Connection, role: Role) -> None:
    """Until the transaction ends, the database lets us do what it lets this role do, and no more."""
    connection.execute("select set_config('role', %s, true)", [role.in_database])


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else "unknown"


def desk_of(request: Request) -> Desk:
    """What the application has at hand."""
    desk: Desk = request.app.state.desk
    return desk


async def token_sent(request: Request) -> str | None:
    """The anti-forgery value that came with a change: in a header, or in the form."""
    if request.method in SAFE or request.url.path.startswith(API):
        return None
    if request.headers.get("content-type", "").partition(";")[0] in FORMS:
        value = (await request.form()).get("csrf")
        return value if isinstance(value, str) else request.headers.get("x-csrf-token")
    return request.headers.get("x-csrf-token")


def same_origin(request: Request) -> bool:
    """Does the browser say that the request comes from a page of ours? A client that says nothing is not a
    browser.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def visiting(request: Request, sent: Annotated[str | None, Depends(token_sent)]) -> Iterator[Visit]:
    """Open the visit. Raises NotSignedIn, NotAllowed, ForeignRequest."""
    desk = desk_of(request)
    name: str = request.scope["route"].name
    rule = RULES[name]
    token = request.cookies.get(COOKIE)
    with desk.pool.connection() as connection:
        program = request.url.path.startswith(API)
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ") if program else ""
        account = (
            account_of_token(connection, bearer)
            if program
            else resume(connection, token, desk.settings.web.idle_minutes)
        )
        if rule.roles is not None and account.role not in rule.roles:
            refused = {"route": name}
            write_audit(
                connection,
                account.name,
                "refused",
                role=account.role,
                address=address_of(request),
                detail=refused,
            )
            raise NotAllowed(
                f"This page is not for the role {account.role.title}.",
                "Ask an administrator for another role.",
            )
        csrf = csrf_of(token or "")
        if not program and request.method not in SAFE and not (sent == csrf and same_origin(request)):
            raise ForeignRequest(
                "This change did not come from a page of this session.", "Load the page again and repeat it."
            )
        with connection.transaction():
            if not rule.as_owner:
                act_as(connection, account.role)
            visit = Visit(
                request=request, desk=desk, connection=connection, rule=rule, account=account, csrf=csrf
            )
            request.state.visit = visit
            yield visit
            if rule.audit is not None and visit.recorded == 0:
                raise NotAudited(f"The route {name} wrote no line in the audit.")


Visiting = Annotated[Visit, Depends(visiting, scope="function")]
