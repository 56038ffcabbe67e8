"""Commands for those who sign in to the pages."""

import sys
from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.model.user import Role, User
from gateway.services import users
from gateway.services.iso import iso
from gateway.services.passwords import SHORTEST, Passwords

_PASSWORD_STDIN = click.option(
    "--password-stdin", is_flag=True, help="Read the password from standard input.  [default: ask for it]"
)
_ROLE = click.Choice([role.value for role in Role])


@click.group()
def admin() -> None:
    """Users: those who sign in to the pages under /admin."""


@admin.command("add")
@click.option("--email", required=True, help="What the user signs in with.")
@click.option("--name", default="", help="As the pages show it.  [default: from the e-mail address]")
@click.option("--role", type=_ROLE, default=Role.SUPERADMIN.value, show_default=True, help="What the user may do.")
@click.option(
    "--license", "license_ids", type=int, multiple=True, metavar="ID", help="Which licenses; may be repeated."
)
@click.option("--language", metavar="LANG", help="The pages' language.  [default: the browser's]")
@_PASSWORD_STDIN
@command
def admin_add(
    invocation: Invocation,
    *,
    email: str,
    name: str,
    role: str,
    license_ids: tuple[int, ...],
    language: str | None,
    password_stdin: bool,
) -> None:
    """Add a user. A superadmin sees all licenses; an admin and a viewer those that are named.

    \b
    Examples:
      tocsin admin add --email you@example.com
      tocsin admin add --email ana@acme.example --role admin --license 1 --password-stdin <password.txt
    """  # noqa: D301 - click's mark for "do not rewrap"
    password = _password(stdin=password_stdin)
    with open_database(invocation, invocation.config()) as record:
        added = users.add_user(
            record,
            Passwords(),
            email=email,
            name=name,
            role=Role(role),
            license_ids=license_ids,
            language=language,
            password=password,
            at=datetime.now(UTC),
        )
    invocation.answer(_document(added), lambda: click.echo(f"user {added.id} added: {added.email}, {added.role.value}"))


@admin.command("list")
@command
def admin_list(invocation: Invocation) -> None:
    """List the users.

    \b
    Example:
      tocsin admin list
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        found = users.list_users(record)
    columns = ("ID", "E-MAIL", "NAME", "ROLE", "LICENSES", "ENABLED", "LAST SIGN-IN", "LOCKED UNTIL")
    rows = [
        (
            user.id,
            user.email,
            user.name,
            user.role.value,
            ", ".join(map(str, sorted(user.license_ids))) or ("all" if user.role is Role.SUPERADMIN else "none"),
            user.enabled,
            user.last_sign_in_at and iso(user.last_sign_in_at),
            user.locked_until and iso(user.locked_until),
        )
        for user in found
    ]
    invocation.answer(
        [_document(user) for user in found],
        lambda: print_table(columns, rows, empty="nobody yet: tocsin admin add --email you@example.com"),
    )


@admin.command("password")
@click.option("--email", required=True, help="Whose password.")
@_PASSWORD_STDIN
@command
def admin_password(invocation: Invocation, *, email: str, password_stdin: bool) -> None:
    """Give a user a new password, as for somebody who forgot theirs. It ends their sign-ins and lifts a lock.

    \b
    Example:
      tocsin admin password --email ana@acme.example
    """  # noqa: D301 - click's mark for "do not rewrap"
    password = _password(stdin=password_stdin)
    with open_database(invocation, invocation.config()) as record:
        user = users.find_user(record, email)
        changed = users.set_password(record, Passwords(), user_id=user.id, password=password, at=datetime.now(UTC))
    invocation.answer(_document(changed), lambda: click.echo(f"{changed.email} has a new password"))


@admin.command("set")
@click.option("--email", required=True, help="Whom to change.")
@click.option("--name", help="As the pages show it.")
@click.option("--role", type=_ROLE, help="What the user may do.")
@click.option("--license", "license_ids", type=int, multiple=True, metavar="ID", help="All licenses of the user.")
@click.option("--language", metavar="LANG", help="The pages' language; empty is the browser's.")
@click.option("--enabled/--disabled", default=None, help="Whether the user may sign in.")
@command
def admin_set(
    invocation: Invocation,
    *,
    email: str,
    name: str | None,
    role: str | None,
    license_ids: tuple[int, ...],
    language: str | None,
    enabled: bool | None,
) -> None:
    """Change a user. Who is disabled is signed out with the next click.

    \b
    Examples:
      tocsin admin set --email ana@acme.example --role viewer
      tocsin admin set --email ana@acme.example --disabled
    """  # noqa: D301 - click's mark for "do not rewrap"
    change = users.UserChange(
        name=name,
        role=Role(role) if role else None,
        license_ids=license_ids or None,
        language=language,
        enabled=enabled,
    )
    with open_database(invocation, invocation.config()) as record:
        user = users.find_user(record, email)
        changed = users.change_user(record, user.id, change, at=datetime.now(UTC))
    invocation.answer(_document(changed), lambda: click.echo(f"user {changed.id} changed: {changed.email}"))


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandFailedError("there is no terminal to ask for the password: use --password-stdin")
    asked: str = click.prompt(
        f"Password ({SHORTEST} characters or more)", hide_input=True, confirmation_prompt=True, err=True
    )
    return asked


def _document(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "license_ids": sorted(user.license_ids),
        "language": user.language,
        "enabled": user.enabled,
        "created_at": iso(user.created_at),
        "last_sign_in_at": iso(user.last_sign_in_at) if user.last_sign_in_at else None,
        "locked_until": iso(user.locked_until) if user.locked_until else None,
    }
