"""Commands for licenses, contacts and alert sources."""

from collections.abc import Iterable
from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.app.secrets import load_secrets
from gateway.config.document import parse
from gateway.model.contact import Contact
from gateway.model.event import Severity
from gateway.model.license import AlertSource, License, SourceKind
from gateway.services import tenants
from gateway.services.tokens import SourceTokens

_POLICY_HELP = "Override a key of the policy for this license; may be given several times."


@click.group("license")
def license_() -> None:
    """Licenses: the tenants for whom alerts are escalated."""


@license_.command("add")
@click.option("--name", required=True, help="Whom it is for.")
@click.option("--tier", required=True, help="A tier of the configuration, as basic, pro or enterprise.")
@click.option("--owner-telegram", metavar="CHAT", help="Telegram chat that is told when everyone failed.")
@click.option("--handoff-number", metavar="E164", help="Human operator to whom key 2 transfers.")
@click.option("--timezone", "time_zone", default="UTC", show_default=True, metavar="TZ", help="As in Europe/Madrid.")
@click.option("--language", default="en", show_default=True, metavar="LANG", help="Default language of its contacts.")
@click.option("--policy", "overrides", multiple=True, metavar="KEY=VALUE", help=_POLICY_HELP)
@command
def license_add(
    invocation: Invocation,
    *,
    name: str,
    tier: str,
    owner_telegram: str | None,
    handoff_number: str | None,
    time_zone: str,
    language: str,
    overrides: tuple[str, ...],
) -> None:
    """Add a license, active at once.

    \b
    Examples:
      tocsin license add --name Acme --tier pro --owner-telegram 123456789
      tocsin license add --name Lab --tier basic --policy l1_wait=5s --policy call_attempts=1 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    policy = {key: value for key, value in _overrides(overrides).items() if value is not None}
    with open_database(invocation, config) as record:
        added = tenants.add_license(
            record,
            config,
            name=name,
            tier=tier,
            at=datetime.now(UTC),
            time_zone=time_zone,
            language=language,
            owner_telegram=owner_telegram,
            handoff_number=handoff_number,
            policy=policy,
        )
    invocation.answer(_license(added), lambda: click.echo(f"license {added.id} added: {added.name}, tier {added.tier}"))


@license_.command("list")
@command
def license_list(invocation: Invocation) -> None:
    """List all licenses.

    \b
    Example:
      tocsin license list --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    with open_database(invocation, invocation.config()) as record:
        licenses = tenants.list_licenses(record)
    columns = ("ID", "NAME", "ACTIVE", "TIER", "TIME ZONE", "LANGUAGE", "OWNER", "HANDOFF", "POLICY")
    rows = [
        (
            one.id,
            one.name,
            one.active,
            one.tier,
            one.time_zone,
            one.language,
            one.owner_telegram,
            one.handoff_number,
            " ".join(f"{key}={value}" for key, value in one.policy.items()) or None,
        )
        for one in licenses
    ]
    empty = "no license yet: tocsin license add --name NAME --tier pro"
    invocation.answer([_license(one) for one in licenses], lambda: print_table(columns, rows, empty=empty))


@license_.command("set")
@click.argument("license_id", type=int, metavar="ID")
@click.option("--active/--inactive", default=None, help="Whether alerts are accepted.")
@click.option("--name", help="A new name.")
@click.option("--tier", help="A tier of the configuration.")
@click.option("--owner-telegram", metavar="CHAT", help="Telegram chat of the owner; '' removes it.")
@click.option("--handoff-number", metavar="E164", help="Human operator; '' removes the number.")
@click.option("--timezone", "time_zone", metavar="TZ", help="As in Europe/Madrid.")
@click.option("--language", metavar="LANG", help="Default language of its contacts.")
@click.option("--policy", "overrides", multiple=True, metavar="KEY=VALUE", help=f"{_POLICY_HELP} KEY= removes one.")
@command
def license_set(
    invocation: Invocation,
    *,
    license_id: int,
    active: bool | None,
    name: str | None,
    tier: str | None,
    owner_telegram: str | None,
    handoff_number: str | None,
    time_zone: str | None,
    language: str | None,
    overrides: tuple[str, ...],
) -> None:
    """Change a license. Escalations that run already go on as they began.

    \b
    Examples:
      tocsin license set 1 --inactive
      tocsin license set 1 --tier enterprise --policy l2_wait=1m
      tocsin license set 1 --policy l2_wait=          (back to the configured one)
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    change = tenants.LicenseChange(
        name=name,
        active=active,
        tier=tier,
        time_zone=time_zone,
        language=language,
        owner_telegram=owner_telegram,
        handoff_number=handoff_number,
        policy=_overrides(overrides),
    )
    if change == tenants.LicenseChange(policy={}):
        raise click.UsageError("nothing to change: give at least one option, as in --tier pro")
    with open_database(invocation, config) as record:
        changed = tenants.set_license(record, config, license_id, change)
    invocation.answer(_license(changed), lambda: click.echo(f"license {changed.id} changed"))


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
    with open_database(invocation, invocation.config()) as record:
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
        contacts = tenants.list_contacts(record, license_id)
    columns = ("POSITION", "ID", "NAME", "PHONE", "WHATSAPP", "LANGUAGE", "PIN", "ENABLED", "NUMBER INVALID SINCE")
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
        )
        for one in contacts
    ]
    empty = f"no contact yet: tocsin contact add --license {license_id} --name NAME --phone E164"
    invocation.answer([_contact(one) for one in contacts], lambda: print_table(columns, rows, empty=empty))


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


def _overrides(given: Iterable[str]) -> dict[str, object | None]:
    """Return ``KEY=VALUE`` options as the configuration file would read them; ``KEY=`` is ``None``."""
    overrides: dict[str, object | None] = {}
    for text in given:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise click.UsageError(f"--policy takes KEY=VALUE, as in l1_wait=10s: {text!r} is none")
        overrides[key.strip()] = parse(value.strip()).value
    return overrides


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _license(one: License) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "active": one.active,
        "tier": one.tier,
        "timezone": one.time_zone,
        "language": one.language,
        "owner_telegram": one.owner_telegram,
        "handoff_number": one.handoff_number,
        "policy": one.policy,
        "created_at": _time(one.created_at),
    }


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
