"""Commands: accounts list, add, password, tie, token."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from pipeline.commands.common import Home, Json, database, emit

accounts = typer.Typer(help="Who may sign in to the web application.", no_args_is_help=True)

RoleName = Annotated[
    str,
    typer.Option("--role", help="clerk, reviewer, clinician, supervisor, privacy_officer or administrator."),
]


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.add_typer(accounts, name="accounts")


@accounts.command("list")
def list_accounts(home: Home = None, json: Json = False) -> None:
    """List the accounts.

    Example: chartloom accounts list
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
            if json:
                emit(line)
            else:
                typer.echo(
                    f"{line['name']:24} {line['role']:16} {'' if line['open'] else 'closed':8} {line['full_name']}"
                )


@accounts.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The name to sign in with.")],
    role: RoleName = "reviewer",
    full_name: Annotated[str, typer.Option("--full-name")] = "",
    home: Home = None,
) -> None:
    """Add an account; its password is made here and printed once.

    Example: chartloom accounts add ruth --role reviewer --full-name "Ruth Example"
    """
    from pipeline.web.auth.accounts import add_account

    with database(home) as connection:
        password = secrets.token_urlsafe(12)
        add_account(connection, name.lower(), _role(role), password, full_name)
    typer.echo(f"{name.lower()} signs in with the password {password}  (it is shown this once)")


@accounts.command("password")
def password(name: Annotated[str, typer.Argument(help="Whose password.")], home: Home = None) -> None:
    """Give an account a new password, printed once; unlocks it and ends its sessions.

    Example: chartloom accounts password admin
    """
    from pipeline.web.auth.accounts import account_named, set_password

    with database(home) as connection:
        made = secrets.token_urlsafe(12)
        set_password(connection, account_named(connection, name), made)
    typer.echo(f"{name} signs in with the password {made}  (it is shown this once)")


@accounts.command("tie")
def tie(
    name: Annotated[str, typer.Argument(help="The account.")],
    subject: Annotated[
        str | None, typer.Argument(help="ISSUER#SUBJECT as the sign-in page shows it; none unties.")
    ] = None,
    home: Home = None,
) -> None:
    """Tie an account to a person of the identity provider, who then signs in without a password of ours.

    Example: chartloom accounts tie ruth "https://login.hospital.example#8f14e45f"
    """
    from pipeline.web.auth.accounts import tie as tie_account

    with database(home) as connection:
        tie_account(connection, name, subject)


@accounts.command("token")
def token(
    account: Annotated[str, typer.Argument(help="The account that the program acts for.")],
    name: Annotated[str, typer.Option("--name", help="What the token is called, to revoke it by.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the tokens of that name instead.")] = False,
    home: Home = None,
) -> None:
    """Make a token for a program that uses /api/v1, printed once; or revoke one.

    Example: chartloom accounts token ruth --name "worklist of the EHR"
    """
    from pipeline.web.auth.accounts import SQL, account_named, add_token

    with database(home) as connection:
        if revoke:
            typer.echo(f"{connection.execute(SQL['revoke_tokens'], {'name': name}).rowcount} revoked")
            return
        made = add_token(connection, account_named(connection, account), name)
    typer.echo(f"{made}  (it is shown this once; send it as `Authorization: Bearer ...`)")


def _role(name: str) -> Any:
    from pipeline.errors import BadInput
    from pipeline.web.auth.permissions import Role

    try:
        return Role(name)
    except ValueError:
        raise BadInput(f"There is no role {name}.", f"Choose one of: {', '.join(Role)}.") from None
