"""Many licenses with open escalations on one engine, and a channel that notes what it is asked to send."""

import itertools
import re
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gateway.app.engine import Engine
from gateway.app.secrets import load_secrets
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.contact import Contact
from gateway.model.event import EventStatus
from gateway.model.license import SourceKind
from gateway.ports.messages import Delivery, Message
from gateway.ports.record import Record
from gateway.services import sources, tenants
from gateway.services.acknowledge import acknowledge
from gateway.services.intake import Alert, accept
from gateway.services.tokens import SourceTokens
from gateway.store.wakeup import make_wakeup

_TITLE = re.compile(r"Door \d+")
_LICENSES = 50


class NotingChannel:
    """A ``NotificationChannel`` that delivers at once, to nobody, and counts what it was given by level and title."""

    def __init__(self) -> None:
        self.sent: Counter[tuple[Level, str, str]] = Counter()
        self._lock = threading.Lock()
        self._ids = itertools.count(1)

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        return None

    def send(self, message: Message) -> Delivery:
        title = _TITLE.search(message.text)
        with self._lock:
            self.sent[message.level, title.group() if title else "", message.to] += 1
            return Delivery(state=AttemptState.SENT, provider="noted", provider_id=str(next(self._ids)))

    def count(self, level: Level) -> int:
        """Return how many messages of that level were sent."""
        with self._lock:
            return sum(count for (of_level, _, _), count in self.sent.items() if of_level is level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A license with two contacts and a source."""

    contacts: tuple[Contact, Contact]
    token_hash: bytes


class Population:
    """Licenses on one database, with the intake, the acknowledgements and engines that work on their events."""

    def __init__(self, record: Record, database_url: str, directory: Path) -> None:
        self.record = record
        self.channel = NotingChannel()
        self.config = Config.model_validate(
            {
                "var_dir": str(directory / "var"),
                "database_url": database_url,
                "policy": {"l1_wait": "1h", "events_per_minute": 1_000_000, "send_timeout": "10m"},
            }
        )
        self.events: dict[int, tuple[Tenant, str]] = {}
        self._wakeup = make_wakeup(database_url)
        self._doors = itertools.count(1)
        tokens = SourceTokens(hash_key=load_secrets(self.config).token_hash_key)
        self._tenants = [self._tenant(number, tokens) for number in range(_LICENSES)]

    def engine(self) -> Engine:
        """Return an engine on the database, not started. Its texts go to the channel; it has no phone."""
        return Engine(self.config, channels=dict.fromkeys((Level.TEXT, Level.STAND_DOWN), self.channel))

    def alert(self, count: int) -> None:
        """Have that many alerts accepted as the web does it, and wake the engine for each."""
        for tenant, door in zip(itertools.cycle(self._tenants), itertools.islice(self._doors, count), strict=False):
            title = f"Door {door}"
            accepted = accept(
                self.record,
                config=self.config,
                token_hash=tenant.token_hash,
                alert=Alert(title=title, body="Forced open."),
                now=datetime.now(UTC),
            )
            assert accepted.event_id is not None
            assert accepted.status is EventStatus.OPEN
            self.events[accepted.event_id] = (tenant, title)
            self._wakeup.notify()

    def acknowledge(self, event_ids: Sequence[int], *, who: int) -> None:
        """Acknowledge as the first contact (0), who was told, or as the second; one transaction for each license."""
        by_contact: dict[int, list[int]] = {}
        for event_id in event_ids:
            by_contact.setdefault(self.events[event_id][0].contacts[who].id, []).append(event_id)
        for contact_id, theirs in by_contact.items():
            results = acknowledge(
                self.record,
                event_ids=theirs,
                contact_id=contact_id,
                by=None,
                via=AcknowledgedVia.LINK,
                at=datetime.now(UTC),
            )
            assert all(result.first for result in results)
            self._wakeup.notify()

    def open_count(self) -> int:
        """Return how many events are open."""
        with self.record.read() as work:
            return len(work.events.open_ids())

    def unfinished_count(self) -> int:
        """Return how many events have something left to do."""
        with self.record.read() as work:
            return len(work.events.unfinished_ids())

    def is_idle(self) -> bool:
        """Tell whether the engine has looked at everything that it was asked to look at."""
        with self.record.read() as work:
            return not work.signals.pending(1)

    def _tenant(self, number: int, tokens: SourceTokens) -> Tenant:
        at = datetime.now(UTC)
        license_ = tenants.add_license(self.record, self.config, name=f"License {number}", tier="pro", at=at)
        first, second = (
            tenants.add_contact(
                self.record, license_id=license_.id, name=f"Contact {place}", phone=f"+1555{number * 2 + place:07}"
            )
            for place in (1, 2)
        )
        made = sources.add_source(
            self.record, tokens, license_id=license_.id, kind=SourceKind.SECURITY, name="Panel", at=at
        )
        return Tenant(contacts=(first, second), token_hash=tokens.hash(made.token))


def resident_mebibytes() -> float:
    """Return the memory that this process holds now (Linux, proc(5): ``VmRSS``)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status names no VmRSS")
