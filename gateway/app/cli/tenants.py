"""Commands for contacts and alert sources."""

from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.destinations import check_destination
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.app.secrets import load_secrets
from gateway.model.audit import COMMAND_LINE
from gateway.model.contact import Contact
from gateway.model.event import Severity
from gateway.model.license import AlertSource, SourceKind
from gateway.services import contacts, tenants
from gateway.services.tokens import SourceTokens


@click.group()
def contact() -> None:
    """Contacts: the people who are told, in their order."""


@contact.command("add")
@click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose contact it is.")
@click.option("--name", required=True, help="As it is spoken and shown to others.")
@click.option("--phone", required=True, metavar="E164", help="As in +15550123.")
@click.option("--whatsapp", metavar="E164", help="WhatsApp number.  [default: the phone]")
@click.option("--language", metavar="LANG", help="As in en, es, pt-BR.  [default: the license's]")
@click.option("--position", type=int, metavar="K", help="Place in the order.  [default: last]")
@click.option("--pin", metavar="DIGITS", help="PIN to acknowledge by phone: 4 to 10 digits.")
@command
def contact_add(
    invocation: Invocation,
    *,
    license_id: int,
    name: str,
    phone: str,
    whatsapp: str | None,
    language: str | None,
    position: int | None,
    pin: str | None,
) -> None:
    """Add a contact to a license. Escalations that run already do not see them.

    \b
    Examples:
      tocsin contact add --license 1 --name Ana --phone +15550123
      tocsin contact add --license 1 --name Luis --phone +34600000000 --language es --position 1 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    check_destination(config, phone, what="the phone")
    with open_database(invocation, config) as record:
        added = tenants.add_contact(
            record,
            license_id=license_id,
            name=name,
            phone=phone,
            whatsapp=whatsapp,
            language=language,
            position=position,
            pin=pin,
        )
    words = f"contact {added.id} added: {added.name}, {added.phone}, position {added.position}"
    invocation.answer(_contact(added), lambda: click.echo(words))


@contact.command("list")
@click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose contacts.")
@command
def contact_list(invocation: Invocation, *, license_id: int) -> None:
    """List a license's contacts in the order in which they are told.

    \b
    Example:
      tocsin contact list --license 1
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        people = tenants.list_contacts(record, license_id)
    columns = (
        *("POSITION", "ID", "NAME", "PHONE", "WHATSAPP", "LANGUAGE", "PIN", "ENABLED"),
        *("NUMBER INVALID SINCE", "WHATSAPP BLOCKED"),
    )
    rows = [
        (
            one.position,
            one.id,
            one.name,
            one.phone,
            one.whatsapp,
            one.language,
            one.has_pin,
            one.enabled,
            _time(one.phone_invalid_at),
            one.whatsapp_blocked,
        )
        for one in people
    ]
    empty = f"no contact yet: tocsin contact add --license {license_id} --name NAME --phone E164"
    invocation.answer([_contact(one) for one in people], lambda: print_table(columns, rows, empty=empty))


@contact.command("set")
@click.argument("contact_id", type=int, metavar="ID")
@click.option("--name", help="As it is spoken and shown to others.")
@click.option("--phone", metavar="E164", help="As in +15550123.")
@click.option("--whatsapp", metavar="E164", help="WhatsApp number; '' takes the phone.")
@click.option("--language", metavar="LANG", help="As in en, es, pt-BR.")
@click.option("--position", type=int, metavar="K", help="Place in the order.")
@click.option("--pin", metavar="DIGITS", help="PIN to acknowledge by phone: 4 to 10 digits; '' removes it.")
@click.option("--enable/--disable", "enabled", default=None, help="Whether the contact is told.")
@command
def contact_set(
    invocation: Invocation,
    *,
    contact_id: int,
    name: str | None,
    phone: str | None,
    whatsapp: str | None,
    language: str | None,
    position: int | None,
    pin: str | None,
    enabled: bool | None,
) -> None:
    """Change a contact. Escalations that run already go on as they began.

    \b
    Examples:
      tocsin contact set 3 --phone +15550124
      tocsin contact set 3 --disable
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    check_destination(config, phone, what="the phone")
    change = contacts.ContactChange(
        name=name, phone=phone, whatsapp=whatsapp, language=language, position=position, enabled=enabled, pin=pin
    )
    if change == contacts.ContactChange():
        raise click.UsageError("nothing to change: give at least one option, as in --language es")
    with open_database(invocation, config) as record:
        changed = contacts.set_contact(record, contact_id, change, actor=COMMAND_LINE, at=datetime.now(UTC))
    invocation.answer(_contact(changed), lambda: click.echo(f"contact {changed.id} changed"))


@contact.command("clear-flags")
@click.argument("contact_id", type=int, metavar="ID")
@click.option("--whatsapp", "which", flag_value="whatsapp", help="Only that WhatsApp does not reach them.")
@click.option("--phone", "which", flag_value="phone", help="Only that their number is invalid.")
@command
def contact_clear_flags(invocation: Invocation, *, contact_id: int, which: str | None) -> None:
    """Try a contact again who could not be reached: by WhatsApp, and by phone.

    A person who wrote STOP must agree first; Twilio has an opt-out of its own, which only START ends.

    \b
    Example:
      tocsin contact clear-flags 3 --whatsapp
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        cleared = contacts.clear_flags(
            record,
            contact_id,
            actor=COMMAND_LINE,
            at=datetime.now(UTC),
            whatsapp=which != "phone",
            phone=which != "whatsapp",
        )
    invocation.answer(_contact(cleared), lambda: click.echo(f"contact {cleared.id} is tried again"))


@click.group()
def source() -> None:
    """Alert sources: who may post alerts for a license."""


@source.command("add")
@click.option("--license", "license_id", type=int, required=True, metavar="ID", help="Whose source it is.")
@click.option("--kind", type=click.Choice([kind.value for kind in SourceKind]), required=True, help="What posts.")
@click.option("--name", required=True, help="As people see it.")
@click.option(
    "--severity",
    type=click.Choice([severity.value for severity in Severity]),
    default=Severity.WARN.value,
    show_default=True,
    help="For alerts that do not say.",
)
@command
def source_add(invocation: Invocation, *, license_id: int, kind: str, name: str, severity: str) -> None:
    """Add an alert source and print its token, this once.

    \b
    Examples:
      tocsin source add --license 1 --kind anpr --name "Gate camera"
      tocsin source add --license 1 --kind webhook --name CI --severity info --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    secrets = load_secrets(config)
    tokens = SourceTokens(hash_key=secrets.token_hash_key, encryption_key=secrets.token_encryption_key)
    with open_database(invocation, config) as record:
        added = tenants.add_source(
            record,
            tokens,
            license_id=license_id,
            kind=SourceKind(kind),
            name=name,
            at=datetime.now(UTC),
            severity=Severity(severity),
        )

    def people() -> None:
        click.echo(f"source {added.source.id} added: {added.source.name}")
        click.echo(f"token, shown this once: {added.token}\n")
        click.echo(f"curl -X POST {config.web.public_url}/license/v1/alert/in \\")
        click.echo(f"  -H 'X-Alert-Token: {added.token}' -H 'Content-Type: application/json' \\")
        click.echo("""  -d '{"title": "Test alert"}'""")

    invocation.answer(_source(added.source) | {"token": added.token}, people)


@source.command("list")
@click.option("--license", "license_id", type=int, metavar="ID", help="Whose sources.  [default: all]")
@command
def source_list(invocation: Invocation, *, license_id: int | None) -> None:
    """List alert sources; their tokens cannot be shown again.

    \b
    Example:
      tocsin source list --license 1
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        license_ids = [one.id for one in tenants.list_licenses(record)] if license_id is None else [license_id]
        sources = [one for each in license_ids for one in tenants.list_sources(record, each)]
    columns = ("ID", "LICENSE", "KIND", "NAME", "SEVERITY", "ENABLED")
    rows = [(one.id, one.license_id, one.kind.value, one.name, one.severity.value, one.enabled) for one in sources]
    empty = "no source yet: tocsin source add --license ID --kind webhook --name NAME"
    invocation.answer([_source(one) for one in sources], lambda: print_table(columns, rows, empty=empty))


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _contact(one: Contact) -> dict[str, object]:
    return {
        "id": one.id,
        "license_id": one.license_id,
        "name": one.name,
        "phone": one.phone,
        "whatsapp": one.whatsapp,
        "language": one.language,
        "position": one.position,
        "enabled": one.enabled,
        "has_pin": one.has_pin,
        "phone_invalid_at": _time(one.phone_invalid_at),
        "whatsapp_window_until": _time(one.whatsapp_window_until),
        "whatsapp_blocked": one.whatsapp_blocked,
        "whatsapp_blocked_at": _time(one.whatsapp_blocked_at),
    }


def _source(one: AlertSource) -> dict[str, object]:
    return {
        "id": one.id,
        "license_id": one.license_id,
        "kind": one.kind.value,
        "name": one.name,
        "severity": one.severity.value,
        "enabled": one.enabled,
        "created_at": _time(one.created_at),
    }
