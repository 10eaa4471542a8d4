"""Commands: accounts list, add, password, emergency, link-sso, token, tokens."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from pipeline.commands.common import By, Home, Json, current_user, database, emit

accounts = typer.Typer(help="The accounts of the web application.", no_args_is_help=True)

RoleName = Annotated[
    str,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="clerk, reviewer, clinician, supervisor, privacy_officer or administrator.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(accounts, name="accounts")


@accounts.command("list", epilog="Example: chartloom accounts list")
def list_accounts(as_json: Json = False, home: Home = None) -> None:
    """List the accounts.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.web.auth.accounts import SQL

    with database(home) as connection:
        for row in connection.execute(SQL["list_accounts"]):
            line = {
                "name": row["name"],
                "role": row["role"],
                "full_name": row["full_name"],
                "open": row["disabled_at"] is None,
            }
            if as_json:
                emit(line)
            else:
                state = "" if line["open"] else "disabled"
                typer.echo(f"{line['name']:24} {line['role']:16} {state:8} {line['full_name']}")


@accounts.command(epilog='Example: chartloom accounts add ruth --role reviewer --full-name "Ruth Example"')
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name to sign in with.")],
    role: RoleName = "reviewer",
    full_name: Annotated[
        str, typer.Option("--full-name", metavar="TEXT", help="The name that others see.")
    ] = "",
    by: By = None,
    home: Home = None,
) -> None:
    """Add an account, and print its temporary password once. It must be changed at the first sign-in.

    Exit codes: 0 done; 2 there is no such role, or the name is in use; 3 a service is unavailable.
    """
    from pipeline.config import load_settings
    from pipeline.web.auth.accounts import Temporary, add_account

    actor = by or current_user()
    temporary = Temporary.generate(load_settings(home).sign_in.temporary_password_hours)
    with database(home) as connection, connection.transaction():
        account = add_account(connection, name.lower(), _role(role), temporary, full_name, actor=actor)
        _audit(connection, actor, "account", added=account, role=role)
    _print_password(name.lower(), temporary)


@accounts.command(epilog="Example: chartloom accounts password admin")
def password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account.")],
    remove_second_factor: Annotated[
        bool, typer.Option("--remove-second-factor", help="Remove the second factor, too.")
    ] = False,
    by: By = None,
    home: Home = None,
) -> None:
    """Give an account a temporary password, printed once. Its sessions end and its API tokens are revoked.

    The person and the privacy officers are notified at their next sign-in.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.config import load_settings
    from pipeline.web.auth import second_factor
    from pipeline.web.auth.accounts import account_named, reset_password
    from pipeline.web.auth.notices import Change, notify

    actor, hours = by or current_user(), load_settings(home).sign_in.temporary_password_hours
    with database(home) as connection, connection.transaction():
        account = account_named(connection, name)
        temporary = reset_password(connection, account, hours, actor)
        if remove_second_factor and second_factor.remove_second_factor(connection, account.id):
            notify(connection, account.id, Change.FACTOR_REMOVED, actor)
        detail = {"account": account.id, "reset": True, "reset_factor": remove_second_factor}
        _audit(connection, actor, "account", **detail)
    _print_password(account.name, temporary)


@accounts.command(epilog="Example: chartloom accounts emergency admin")
def emergency(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account.")],
    forbid: Annotated[bool, typer.Option("--forbid", help="No longer allow it.")] = False,
    by: By = None,
    home: Home = None,
) -> None:
    """Allow an account to sign in with its password if sign_in.passwords is "emergency".

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.web.auth.accounts import account_named, set_emergency

    actor = by or current_user()
    with database(home) as connection, connection.transaction():
        account = account_named(connection, name)
        set_emergency(connection, account, not forbid, actor)
        _audit(connection, actor, "account", account=account.id, emergency=not forbid)


@accounts.command(
    "link-sso",
    epilog='Example: chartloom accounts link-sso ruth "https://login.hospital.example#8f14e45f"',
)
def link_sso(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account.")],
    subject: Annotated[
        str | None,
        typer.Argument(
            metavar="[ISSUER#SUBJECT]", help="As the sign-in page shows it. Omit it to remove the link."
        ),
    ] = None,
    by: By = None,
    home: Home = None,
) -> None:
    """Link an account to a user of the identity provider, who then signs in with single sign-on.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.web.auth.accounts import account_named
    from pipeline.web.auth.accounts import link_sso as link

    actor = by or current_user()
    with database(home) as connection, connection.transaction():
        link(connection, name, subject, actor)
        _audit(connection, actor, "account", account=account_named(connection, name).id, subject=subject)


@accounts.command(
    epilog='Example: chartloom accounts token ruth --name "worklist of the EHR" --scope review.read'
)
def token(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="The account whose permissions the program has.")
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="The name of the token, to revoke it by.")
    ],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            metavar="SCOPE",
            help="What the program may use: review.read, review.decide, patients, documents or search. "
            "Repeat it for several. Required unless the token is revoked.",
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="N", help="How long it is valid. [default: sign_in.token_days]"),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="Only scans of this source.")
    ] = None,
    department: Annotated[
        str | None, typer.Option("--department", metavar="NAME", help="Only scans of this department.")
    ] = None,
    revoke: Annotated[
        bool, typer.Option("--revoke", help="Revoke the account's tokens of that name.")
    ] = False,
    by: By = None,
    home: Home = None,
) -> None:
    """Create a token for a program that uses /api/v1, and print it once; or revoke it.

    A token for one source or department can use only the queue, items, documents, decisions and scans.

    Exit codes: 0 done; 2 a scope or the number of days is not allowed; 3 a service is unavailable; 7 there is
    no such account.
    """
    from pipeline.config import load_settings
    from pipeline.web.auth import tokens as api_tokens
    from pipeline.web.auth.accounts import account_named

    actor, settings = by or current_user(), load_settings(home).sign_in
    with database(home) as connection, connection.transaction():
        person = account_named(connection, account)
        if revoke:
            count = api_tokens.revoke_tokens_named(connection, name, person.id)
            _audit(connection, actor, "token", revoked=name, account=person.id, count=count)
            typer.echo(f"{count} revoked")
            return
        new_token = api_tokens.add_token(
            connection,
            person.id,
            name,
            days=api_tokens.check_days(days, settings.token_days, settings.max_token_days),
            scopes=_scopes(scopes or []),
            source=source,
            department=department,
            actor=actor,
        )
        _audit(connection, actor, "token", added=name, account=person.id, scopes=scopes)
    typer.echo(f"{new_token}  (it is shown only once; send it as `Authorization: Bearer ...`)")


@accounts.command(epilog="Example: chartloom accounts tokens")
def tokens(as_json: Json = False, home: Home = None) -> None:
    """List the API tokens: whose they are, what they may use, when they expire and were last used.

    Exit codes: 0 done; 3 a service is unavailable.
    """
    from pipeline.web.auth.tokens import list_tokens

    with database(home) as connection:
        for row in list_tokens(connection):
            if as_json:
                emit(row)
            else:
                state = "" if row["valid"] else ("revoked" if row["revoked_at"] else "expired")
                limits = " ".join([*row["scopes"], *filter(None, (row["source"], row["department"]))])
                used = f"{row['used_at']:%Y-%m-%d}" if row["used_at"] else "never"
                typer.echo(
                    f"{row['name']:24} {row['account']:16} {state:8} expires {row['expires_at']:%Y-%m-%d}  "
                    f"used {used:10}  {limits}"
                )


def _print_password(name: str, temporary: Any) -> None:
    typer.echo(
        f"{name} signs in with the password {temporary.password}  (it is shown only once, expires on "
        f"{temporary.expires_at:%Y-%m-%d %H:%M} UTC, and must be changed at the first sign-in)"
    )


def _audit(connection: Any, actor: str, action: str, **detail: Any) -> None:
    from pipeline.store.audit import write_audit

    write_audit(connection, actor, action, detail=detail)


def _scopes(names: list[str]) -> list[Any]:
    from pipeline.errors import InvalidInput
    from pipeline.web.auth.permissions import Scope

    try:
        found = [Scope(name) for name in names]
    except ValueError:
        found = []
    if not found:
        raise InvalidInput(
            "The token needs at least one scope that exists.",
            f"Give --scope one of: {', '.join(Scope)}.",
            "bad_scope",
        )
    return found


def _role(name: str) -> Any:
    from pipeline.errors import InvalidInput
    from pipeline.web.auth.permissions import Role

    try:
        return Role(name)
    except ValueError:
        raise InvalidInput(f"There is no role {name}.", f"Choose one of: {', '.join(Role)}.") from None
