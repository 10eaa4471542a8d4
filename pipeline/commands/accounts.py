"""Commands: accounts list, add, password, link-sso, token."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

import typer

from pipeline.commands.common import Home, Json, database, emit

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
    home: Home = None,
) -> None:
    """Add an account, and print its new password once.

    Exit codes: 0 done; 2 there is no such role, or the name is in use; 3 a service is unavailable.
    """
    from pipeline.web.auth.accounts import add_account

    with database(home) as connection:
        password = secrets.token_urlsafe(12)
        add_account(connection, name.lower(), _role(role), password, full_name)
    typer.echo(f"{name.lower()} signs in with the password {password}  (it is shown only once)")


@accounts.command(epilog="Example: chartloom accounts password admin")
def password(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The account.")], home: Home = None
) -> None:
    """Give an account a new password, printed once. This unlocks the account and ends its sessions.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.web.auth.accounts import account_id_by_name, set_password

    with database(home) as connection:
        new_password = secrets.token_urlsafe(12)
        set_password(connection, account_id_by_name(connection, name), new_password)
    typer.echo(f"{name} signs in with the password {new_password}  (it is shown only once)")


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
    home: Home = None,
) -> None:
    """Link an account to a user of the identity provider, who then signs in with single sign-on.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.web.auth import accounts as web_accounts

    with database(home) as connection:
        web_accounts.link_sso(connection, name, subject)


@accounts.command(epilog='Example: chartloom accounts token ruth --name "worklist of the EHR"')
def token(
    account: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="The account whose permissions the program has.")
    ],
    name: Annotated[
        str, typer.Option("--name", metavar="TEXT", help="The name of the token, to revoke it by.")
    ],
    revoke: Annotated[bool, typer.Option("--revoke", help="Revoke the tokens of that name.")] = False,
    home: Home = None,
) -> None:
    """Create a token for a program that uses /api/v1, and print it once; or revoke it.

    Exit codes: 0 done; 3 a service is unavailable; 7 there is no such account.
    """
    from pipeline.web.auth.accounts import SQL, account_id_by_name, add_token

    with database(home) as connection:
        if revoke:
            typer.echo(f"{connection.execute(SQL['revoke_tokens'], {'name': name}).rowcount} revoked")
            return
        new_token = add_token(connection, account_id_by_name(connection, account), name)
    typer.echo(f"{new_token}  (it is shown only once; send it as `Authorization: Bearer ...`)")


def _role(name: str) -> Any:
    from pipeline.errors import InvalidInput
    from pipeline.web.auth.permissions import Role

    try:
        return Role(name)
    except ValueError:
        raise InvalidInput(f"There is no role {name}.", f"Choose one of: {', '.join(Role)}.") from None
