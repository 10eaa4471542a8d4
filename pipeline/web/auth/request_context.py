"""The context of one request: its user, their permissions, a database transaction and its audit entry.

Every route depends on `Context`. The dependency identifies the user, checks the table of permissions, the
step of signing in that the session is at, how long ago the user proved who they are, the scopes of an API
token, and the origin of a change, opens the transaction that the route works in, and takes on the user's
database role until the transaction ends. After the route has returned and before anything is sent, the
audit entry that the rule demands must exist; otherwise the request fails and its transaction is rolled back.

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
from pipeline.web.auth.accounts import Account, NotSignedIn
from pipeline.web.auth.attempts import Client, count_network
from pipeline.web.auth.oidc import Provider
from pipeline.web.auth.permissions import RULES, Role, Rule, Step
from pipeline.web.auth.sessions import Session, csrf_token, resume_session
from pipeline.web.auth.tokens import ApiToken, TokenRefused, check_subject, token_used
from pipeline.web.dates import DateFormat

SESSION_COOKIE = "chartloom_session"
DEVICE_COOKIE = "chartloom_device"
FORM_CONTENT_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
SAFE_METHODS = ("GET", "HEAD")
API_PREFIX = "/api/"
"""Requests below this path are authenticated by a bearer token and never by a cookie, so they need no
protection against cross-site request forgery."""
T = TypeVar("T")


class NotAllowed(ChartloomError):
    """The user's role may not use this route."""

    code = "not_allowed"


class StepRequired(ChartloomError):
    """The person has to do something else first, such as to choose a new password."""

    code = "step_required"

    def __init__(self, step: Step) -> None:
        super().__init__("Your sign-in is not complete.", "Continue on the page that opens.")
        self.step = step


class ReauthenticationRequired(ChartloomError):
    """The person has to prove again who they are before this change."""

    code = "reauthentication_required"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Whom a request acts for: a person with a session, or a program with a token."""

    account: Account
    session: Session | None = None
    token: ApiToken | None = None

    @property
    def role(self) -> Role:
        """The role of the account."""
        return self.account.role


@dataclass(slots=True, kw_only=True)
class RequestContext:
    """An allowed request. `connection` is in a transaction that commits when the route returns.

    `step`: the step of signing in that the session is at. `token`: the token of a program. `is_refused`: the
    response reports an error, so the transaction is rolled back instead; `render_page` sets it."""

    request: Request
    app: AppContext
    connection: Connection
    rule: Rule
    account: Account
    csrf: str
    step: Step | None = None
    token: ApiToken | None = None
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
        if self.token is not None:
            entry["detail"] = entry["detail"] | {"token": self.token.name}
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


def client_of(request: Request) -> Client:
    """Return where a password or a code comes from."""
    return Client(address=client_address(request), device=request.cookies.get(DEVICE_COOKIE))


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


def authenticate(request: Request, app: AppContext, connection: Connection) -> Actor:
    """Return whom a request acts for, by its token or by its session. Raises NotSignedIn."""
    if not request.url.path.startswith(API_PREFIX):
        session = resume_session(connection, request.cookies.get(SESSION_COOKIE), app.settings)
        return Actor(account=session.account, session=session)
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if not bearer:
        raise NotSignedIn("The API token is missing.", "Send it as `Authorization: Bearer TOKEN`.")
    token = token_used(connection, bearer, client_address(request))
    return Actor(account=token.account, token=token)


def open_request_context(
    request: Request, submitted: Annotated[str | None, Depends(submitted_csrf_token)]
) -> Iterator[RequestContext]:
    """Yield the request's context.

    Raises NotSignedIn, NotAllowed, StepRequired, ReauthenticationRequired, CsrfFailure, MissingAuditEntry."""
    app = app_context(request)
    name: str = request.scope["route"].name
    rule = RULES[name]
    is_api = request.url.path.startswith(API_PREFIX)
    session_token = request.cookies.get(SESSION_COOKIE)
    csrf = csrf_token(session_token or "")
    with app.pool.connection() as connection:
        try:
            actor = authenticate(request, app, connection)
        except TokenRefused as error:
            _record_token_failure(request, connection, error)
            raise
        account = actor.account
        _check_role(request, connection, name, rule, actor)
        is_change = request.method not in SAFE_METHODS
        if is_change and not is_api and not (submitted == csrf and is_same_origin(request)):
            raise CsrfFailure(
                "This change was not sent from a page of your current session.",
                "Reload the page and repeat the change.",
            )
        context = RequestContext(
            request=request,
            app=app,
            connection=connection,
            rule=rule,
            account=account,
            csrf=csrf,
            step=actor.session.step if actor.session else None,
            token=actor.token,
        )
        request.state.context = context
        if actor.session is not None:
            _check_session_state(actor.session, rule, app.settings)
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


def _check_role(request: Request, connection: Connection, name: str, rule: Rule, actor: Actor) -> None:
    """Raise NotAllowed, and audit the refused attempt, if the role or the token may not use the route."""
    token = actor.token
    if rule.roles is not None and actor.role not in rule.roles:
        message = f"The role {actor.role.label} may not open this page."
        remedy = "If you need it, ask an administrator to change your role."
    elif token is not None and not (
        rule.scope in token.scopes and check_subject(connection, token, name, request.path_params)
    ):
        message = "The API token may not use this route."
        remedy = "Ask an administrator for a token with the scopes that it needs."
    else:
        return
    write_audit(
        connection,
        actor.account.name,
        "refused",
        role=actor.role,
        address=client_address(request),
        detail={"route": name} | ({"token": token.name} if token else {}),
    )
    raise NotAllowed(message, remedy)


def _check_session_state(session: Session, rule: Rule, settings: Settings) -> None:
    """Raise StepRequired or ReauthenticationRequired if the session may not use the route yet."""
    if session.step is not None and session.step not in rule.steps:
        raise StepRequired(session.step)
    if rule.is_fresh and not session.is_fresh(settings.sign_in.reauthentication_minutes):
        raise ReauthenticationRequired(
            "Nothing was changed, because you signed in some time ago.", "Confirm that it is you."
        )


def _record_token_failure(request: Request, connection: Connection, error: TokenRefused) -> None:
    """Audit the use of a token that is not valid, unless its network does so all the time."""
    address = client_address(request)
    if count_network(connection, "token", address):
        detail = {"reason": error.reason} | ({"token": error.token} if error.token else {})
        write_audit(
            connection, error.account or "unknown", "token_failed", role="", address=address, detail=detail
        )


Context = Annotated[RequestContext, Depends(open_request_context, scope="function")]
