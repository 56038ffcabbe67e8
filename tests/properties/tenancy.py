"""Who is there: licenses, contacts and sources, edited while escalations run, with what each edit should mean.

What is expected is kept beside the record and not read from it: a wrong snapshot would agree with itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gateway.config.loader import effective_policy
from gateway.config.schema import Config
from gateway.model.license import SourceKind
from gateway.model.policy import Policy, Snapshot, SnapshotContact
from gateway.services import sources, tenants
from gateway.services.tokens import SourceTokens
from gateway.store import SqlRecord
from tests.contact_edits import set_enabled, set_number, set_positions

# Few, so that people of one license, and of both, often share one.
NUMBERS = tuple(f"+1555012{n:04}" for n in range(4))
MOST_CONTACTS = 4
OWNER, HANDOFF = "1001", "+15550999"


@dataclass(frozen=True, slots=True)
class Person:
    """A contact as it was last edited."""

    id: int
    name: str
    phone: str
    enabled: bool = True


@dataclass(slots=True)
class Tenant:
    """A license as it was last edited."""

    id: int
    name: str
    token: str
    tier: str
    active: bool = True
    owner: str | None = OWNER
    handoff: str | None = HANDOFF
    time_zone: str = "UTC"
    policy: dict[str, object] = field(default_factory=dict)
    voice_minutes: int | None = None  # its own cap in place of the tier's
    people: list[Person] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """What an event's snapshot must say, for as long as the event exists."""

    license_name: str
    tier_name: str
    voice_note: bool
    policy: Policy
    people: tuple[tuple[int, str, str, str], ...]
    owner: str | None
    handoff: str | None
    time_zone: str


class Tenancy:
    """Two licenses: the first with three people, of whom two share a number, the second with one who shares it too."""

    def __init__(self, record: SqlRecord, config: Config) -> None:
        self._record, self._config = record, config
        self.tokens = SourceTokens(hash_key=b"k" * 32)
        self.licenses: list[Tenant] = []

    def populate(self, at: datetime) -> None:
        self._add_license("Acme", "pro", [NUMBERS[0], NUMBERS[1], NUMBERS[0]], at)
        self._add_license("Brook", "enterprise", [NUMBERS[0]], at)

    def by_id(self, license_id: int) -> Tenant:
        return next(tenant for tenant in self.licenses if tenant.id == license_id)

    def voice_cap(self, license_id: int) -> int | None:
        """Return the voice seconds that a license has by now; ``None`` is without limit."""
        tenant = self.by_id(license_id)
        own = tenant.voice_minutes
        minutes = self._config.tiers[tenant.tier].voice_minutes if own is None else own
        return None if minutes is None else minutes * 60

    def expected(self, tenant: Tenant) -> Expected:
        """Return what an event that opens now must follow."""
        return Expected(
            license_name=tenant.name,
            tier_name=tenant.tier,
            voice_note=self._config.tiers[tenant.tier].voice_note,
            policy=effective_policy(self._config.policy, tenant.policy),
            people=tuple((p.id, p.name, p.phone, p.phone) for p in tenant.people if p.enabled),
            owner=tenant.owner,
            handoff=tenant.handoff,
            time_zone=tenant.time_zone,
        )

    # --- edits --------------------------------------------------------------------------------------------------------

    def edit_policy(self, tenant: Tenant, changes: Mapping[str, object | None]) -> None:
        self._set(tenant, tenants.LicenseChange(policy=changes))
        tenant.policy = {key: value for key, value in (tenant.policy | dict(changes)).items() if value is not None}

    def edit_caps(self, tenant: Tenant, tier: str, voice_minutes: int | None) -> None:
        own = "tier" if voice_minutes is None else str(voice_minutes)
        self._set(tenant, tenants.LicenseChange(tier=tier, voice_minutes=own))
        tenant.tier, tenant.voice_minutes = tier, voice_minutes

    def edit_license(
        self, tenant: Tenant, *, active: bool, owner: str | None, handoff: str | None, time_zone: str
    ) -> None:
        change = tenants.LicenseChange(
            active=active, owner_telegram=owner or "", handoff_number=handoff or "", time_zone=time_zone
        )
        self._set(tenant, change)
        tenant.active, tenant.owner, tenant.handoff, tenant.time_zone = active, owner, handoff, time_zone

    def add_person(self, tenant: Tenant, number: str) -> None:
        if len(tenant.people) >= MOST_CONTACTS:
            return
        name = f"{tenant.name[0]}{len(tenant.people)}"
        added = tenants.add_contact(self._record, license_id=tenant.id, name=name, phone=number)
        tenant.people.append(Person(added.id, name, number))

    def change_number(self, tenant: Tenant, place: int, number: str) -> None:
        person = tenant.people[place]
        set_number(self._record, person.id, number)
        tenant.people[place] = replace(person, phone=number)

    def move_to_front(self, tenant: Tenant, place: int) -> None:
        tenant.people.insert(0, tenant.people.pop(place))
        set_positions(self._record, [person.id for person in tenant.people])

    def turn_on_or_off(self, tenant: Tenant, place: int) -> None:
        person = tenant.people[place]
        set_enabled(self._record, person.id, enabled=not person.enabled)
        tenant.people[place] = replace(person, enabled=not person.enabled)

    def _set(self, tenant: Tenant, change: tenants.LicenseChange) -> None:
        tenants.set_license(self._record, self._config, tenant.id, change)

    def _add_license(self, name: str, tier: str, numbers: list[str], at: datetime) -> None:
        added = tenants.add_license(
            self._record, self._config, name=name, tier=tier, at=at, owner_telegram=OWNER, handoff_number=HANDOFF
        )
        source = sources.add_source(
            self._record, self.tokens, license_id=added.id, kind=SourceKind.WEBHOOK, name="s", at=at
        )
        tenant = Tenant(added.id, name, source.token, tier)
        for number in numbers:
            self.add_person(tenant, number)
        self.licenses.append(tenant)


def essence(snapshot: Snapshot) -> Expected:
    """Return what of a snapshot is expected."""
    return Expected(
        license_name=snapshot.license_name,
        tier_name=snapshot.tier_name,
        voice_note=snapshot.tier.voice_note,
        policy=snapshot.policy,
        people=tuple(_person(contact) for contact in snapshot.contacts),
        owner=snapshot.owner_telegram,
        handoff=snapshot.handoff_number,
        time_zone=snapshot.time_zone,
    )


def _person(contact: SnapshotContact) -> tuple[int, str, str, str]:
    return contact.id, contact.name, contact.phone, contact.whatsapp
