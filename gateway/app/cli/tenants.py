"""Commands for contacts."""

from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.destinations import check_destination
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.model.audit import COMMAND_LINE
from gateway.model.contact import Contact
from gateway.services import contacts, tenants


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
