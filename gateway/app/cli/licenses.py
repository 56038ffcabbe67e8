"""Commands for licenses."""

from collections.abc import Iterable
from datetime import UTC, datetime

import click

from gateway.app.cli.database import open_database
from gateway.app.cli.destinations import check_destination
from gateway.app.cli.invocation import Invocation, command, print_table
from gateway.config.document import parse
from gateway.model.license import License
from gateway.services import tenants

_POLICY_HELP = "Override a key of the policy for this license; may be given several times."

_CAP_HELP = "a number, unlimited, or tier for what its tier has."
_OVERDRAFT_HELP = "Whether voice notes and calls about critical events go on when the voice minutes are spent."


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
@click.option("--voice-minutes", metavar="N", help=f"Voice minutes a month: {_CAP_HELP}")
@click.option("--events-per-month", metavar="N", help=f"Events a month that escalate: {_CAP_HELP}")
@click.option("--overdraft/--no-overdraft", default=False, help=_OVERDRAFT_HELP)
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
    voice_minutes: str | None,
    events_per_month: str | None,
    overdraft: bool,
) -> None:
    """Add a license, active at once.

    \b
    Examples:
      tocsin license add --name Acme --tier pro --owner-telegram 123456789
      tocsin license add --name Lab --tier basic --policy l1_wait=5s --policy call_attempts=1 --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    check_destination(config, handoff_number, what="the handoff number")
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
            voice_minutes=voice_minutes,
            events_per_month=events_per_month,
            overdraft=overdraft,
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
    columns = ("ID", "NAME", "ACTIVE", "TIER", "TIME ZONE", "LANGUAGE", "OWNER", "HANDOFF", "POLICY", "CAPS")
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
            _caps(one) or None,
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
@click.option("--voice-minutes", metavar="N", help=f"Voice minutes a month: {_CAP_HELP}")
@click.option("--events-per-month", metavar="N", help=f"Events a month that escalate: {_CAP_HELP}")
@click.option("--overdraft/--no-overdraft", default=None, help=_OVERDRAFT_HELP)
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
    voice_minutes: str | None,
    events_per_month: str | None,
    overdraft: bool | None,
) -> None:
    """Change a license. Escalations that run already go on as they began; caps hold for them, too.

    \b
    Examples:
      tocsin license set 1 --inactive
      tocsin license set 1 --tier enterprise --policy l2_wait=1m
      tocsin license set 1 --policy l2_wait=          (back to the configured one)
      tocsin license set 1 --voice-minutes 120 --events-per-month unlimited --overdraft
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    check_destination(config, handoff_number, what="the handoff number")
    change = tenants.LicenseChange(
        name=name,
        active=active,
        tier=tier,
        time_zone=time_zone,
        language=language,
        owner_telegram=owner_telegram,
        handoff_number=handoff_number,
        policy=_overrides(overrides),
        voice_minutes=voice_minutes,
        events_per_month=events_per_month,
        overdraft=overdraft,
    )
    if change == tenants.LicenseChange(policy={}):
        raise click.UsageError("nothing to change: give at least one option, as in --tier pro")
    with open_database(invocation, config) as record:
        changed = tenants.set_license(record, config, license_id, change)
    invocation.answer(_license(changed), lambda: click.echo(f"license {changed.id} changed"))


def _overrides(given: Iterable[str]) -> dict[str, object | None]:
    """Return ``KEY=VALUE`` options as the configuration file would read them; ``KEY=`` is ``None``."""
    overrides: dict[str, object | None] = {}
    for text in given:
        key, mark, value = text.partition("=")
        if not mark or not key.strip():
            raise click.UsageError(f"--policy takes KEY=VALUE, as in l1_wait=10s: {text!r} is none")
        overrides[key.strip()] = parse(value.strip()).value
    return overrides


def _caps(one: License) -> str:
    own = [f"{key}={'unlimited' if value is None else value}" for key, value in one.caps.items()]
    return " ".join([*own, "overdraft"] if one.overdraft else own)


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
        "caps": one.caps,
        "overdraft": one.overdraft,
        "created_at": one.created_at.isoformat(),
    }
