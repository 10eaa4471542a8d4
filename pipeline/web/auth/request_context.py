"""The context of one request: its user, their permissions, a database transaction and its audit entry.

Every route depends on `Context`. The dependency identifies the user, checks the table of permissions and the
origin of a change, opens the transaction that the route works in, and takes on the user's database role until
the transaction ends. After the route has returned and before anything is sent, the audit entry that the
route's rule demands must exist; otherwise the request fails and its transaction is rolled back.

A refused change changes nothing: whether the route raises an error or returns a page with the message,
its transaction is rolled back, and the attempt is recorded in a transaction of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

from fastapi import Depends, Request
from psycopg import Rollback

from pipeline.config import Settings
from pipeline.errors import ChartloomError, Conflict, InvalidInput, NotFound
from pipeline.store.audit import write_audit
from pipeline.store.blobs import Blobs
from pipeline.store.database import Connection, Pool
from pipeline.store.replica import Replica
from pipeline.web.auth.accounts import Account, account_for_token, csrf_token, resume_session
from pipeline.web.auth.oidc import Provider
from pipeline.web.auth.permissions import RULES, Role, Rule
from pipeline.web.dates import DateFormat

SESSION_COOKIE = "chartloom_session"
FORM_CONTENT_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SAFE_METHODS = ("GET", "HEAD")
API_PREFIX = "/api/"
"""Requests below this path are authenticated by a bearer token and never by a cookie, so they need no
protection against cross-site request forgery."""
T = TypeVar("T")


class NotAllowed(ChartloomError):
    """The user's role may not use this route."""

    code = "not_allowed"


class CsrfFailure(ChartloomError):
    """A change that was not sent from a page of this application."""

    code = "csrf_failure"


class MissingAuditEntry(ChartloomError):
    """A route returned without the audit entry that its rule demands: a programming error. Nothing that the
    route did may be kept.
    """

    code = "missing_audit_entry"


@dataclass(frozen=True, kw_only=True)
class AppContext:
    """What every request needs: the settings, the database pools, the object store, the job queue."""

    settings: Settings
    pool: Pool
    blobs: Callable[[], Blobs]
    enqueue: Callable[[Connection, int, int], None]
    """Enqueue the processing of a scan (its id, its priority) in the connection's transaction."""
    replica: Replica | None = None

    @cached_property
    def provider(self) -> Provider | None:
        """The identity provider, if the settings name one."""
        web = self.settings.web
        return Provider(web) if web.oidc_issuer and web.oidc_client_id else None

    @cached_property
    def dates(self) -> DateFormat:
        """How dates and times are shown and typed."""
        return DateFormat.from_settings(self.settings.display)


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """An allowed request. `connection` is in a transaction that commits when the route returns.

    `is_refused`: the response reports an error, so the transaction is rolled back instead; `render_page` sets
    it."""

    request: Request
    app: AppContext
    connection: Connection
    rule: Rule
    account: Account
    csrf: str
    audit_entries: list[dict[str, Any]] = field(default_factory=list)
    """The keyword arguments of `write_audit` for each entry of this request."""
    is_refused: bool = False
    lag_seconds: float = field(default=0.0)
    """How many seconds the shown data may be behind the database."""

    def run_query(self, query: Callable[[Connection], T]) -> T:
        """Return the result of a read-only query, run with the user's rights.

        The query runs on the read replica if there is one whose lag is small, otherwise in the request's own
        transaction."""
        replica = self.app.replica
        if replica is None:
            return query(self.connection)
        role = None if self.rule.as_owner else self.account.role.database_role
        answer = replica.run(self.connection, query, role)
        self.lag_seconds = max(self.lag_seconds, answer.lag_seconds)
        return answer.value

    def record(
        self,
        *,
        patient: int | None = None,
        document: int | None = None,
        scan: int | None = None,
        **detail: Any,
    ) -> None:
        """Write an audit entry for this request, in the request's own transaction."""
        assert self.rule.audit is not None, "the table of permissions names the audit action of this route"
        entry = {"patient": patient, "document": document, "scan": scan, "detail": detail}
        self.audit_entries.append(entry)
        self._write_audit(**entry)

    def record_refusal(self, code: str | None = None) -> None:
        """Write the audit entries of a change that was refused, after its transaction has been rolled back.

        Each has "refused" in its detail, and the error's code if there is one."""
        refusal = {"refused": True} | ({"code": code} if code else {})
        attempt = {"detail": dict(self.request.path_params)}
        with self.connection.transaction():
            for entry in self.audit_entries or [attempt]:
                self._write_audit(**entry | {"detail": entry["detail"] | refusal})

    def _write_audit(self, **entry: Any) -> None:
        assert self.rule.audit is not None
        write_audit(
            self.connection,
            self.account.name,
            self.rule.audit,
            role=self.account.role,
            address=client_address(self.request),
            **entry,
        )


def set_database_role(connection: Connection, role: Role) -> None:
    """Restrict the connection to the rights of this role until its transaction ends."""
    connection.execute("select set_config('role', %s, true)", [role.database_role])


def client_address(request: Request) -> str:
    """Return the network address of the client."""
    return request.client.host if request.client else "unknown"


def app_context(request: Request) -> AppContext:
    """Return the application's context."""
    context: AppContext = request.app.state.context
    return context


async def submitted_csrf_token(request: Request) -> str | None:
    """Return the anti-forgery token that came with a change, in a header or in the form."""
    if request.method in SAFE_METHODS or request.url.path.startswith(API_PREFIX):
        return None
    if request.headers.get("content-type", "").partition(";")[0] in FORM_CONTENT_TYPES:
        value = (await request.form()).get("csrf")
        return value if isinstance(value, str) else request.headers.get("x-csrf-token")
    return request.headers.get("x-csrf-token")


def is_same_origin(request: Request) -> bool:
    """Do the browser's headers say that the request comes from a page of this application?

    A client that sends neither header is not a browser, and is accepted."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def authenticate(request: Request, app: AppContext, connection: Connection) -> Account:
    """Return the account that a request acts for, by its token or by its session. Raises NotSignedIn."""
    if request.url.path.startswith(API_PREFIX):
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return account_for_token(connection, bearer)
    token = request.cookies.get(SESSION_COOKIE)
    return resume_session(connection, token, app.settings.web.session_idle_minutes)


def open_request_context(
    request: Request, submitted: Annotated[str | None, Depends(submitted_csrf_token)]
) -> Iterator[RequestContext]:
    """Yield the request's context. Raises NotSignedIn, NotAllowed, CsrfFailure, MissingAuditEntry."""
    app = app_context(request)
    name: str = request.scope["route"].name
    rule = RULES[name]
    is_api = request.url.path.startswith(API_PREFIX)
    session_token = request.cookies.get(SESSION_COOKIE)
    csrf = csrf_token(session_token or "")
    with app.pool.connection() as connection:
        account = authenticate(request, app, connection)
        _check_role(request, connection, name, rule, account)
        is_change = request.method not in SAFE_METHODS
        if is_change and not is_api and not (submitted == csrf and is_same_origin(request)):
            raise CsrfFailure(
                "This change was not sent from a page of your current session.",
                "Reload the page and repeat the change.",
            )
        context = RequestContext(
            request=request, app=app, connection=connection, rule=rule, account=account, csrf=csrf
        )
        request.state.context = context
        try:
            with connection.transaction() as transaction:
                if not rule.as_owner:
                    set_database_role(connection, account.role)
                yield context
                if rule.audit is not None and not context.audit_entries:
                    raise MissingAuditEntry(f"The route {name} wrote no audit entry.")
                if context.is_refused:
                    raise Rollback(transaction)
        except (InvalidInput, NotFound, Conflict) as error:
            if is_change and rule.audit is not None:
                context.record_refusal(error.code)
            raise
        if context.is_refused and rule.audit is not None:
            context.record_refusal()


def _check_role(request: Request, connection: Connection, name: str, rule: Rule, account: Account) -> None:
    """Raise NotAllowed, and audit the refused attempt, if the account's role may not use the route."""
    if rule.roles is None or account.role in rule.roles:
        return
    write_audit(
        connection,
        account.name,
        "refused",
        role=account.role,
        address=client_address(request),
        detail={"route": name},
    )
    raise NotAllowed(
        f"The role {account.role.label} may not open this page.",
        "If you need it, ask an administrator to change your role.",
    )


Context = Annotated[RequestContext, Depends(open_request_context, scope="function")]
