"""A license without contacts, whose every alert goes to its owner at once, on engines with a fake Telegram."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.app.engine import Engine
from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import Attempt, Level
from gateway.model.license import SourceKind
from gateway.ports.owner_messages import OwnerMessage
from gateway.services import sources, tenants
from gateway.services.acknowledge import acknowledge
from gateway.services.intake import Alert, accept
from gateway.services.queries import show_event
from gateway.services.tokens import SourceTokens
from gateway.store import open_record
from tests.clouds import FakeTelegram
from tests.waiting import until

CHAT = "1001"


class OwnerRig:
    """One license per rig. ``telegram`` are further keys of that section."""

    def __init__(
        self,
        database_url: str,
        directory: Path,
        telegram: FakeTelegram,
        *,
        settings: str = "",
        policy: str = "",
        chat: str = CHAT,
        language: str = "en",
    ) -> None:
        text = f"""
var_dir: {directory}
database_url: {database_url}
web: {{public_url: "https://alerts.example.com"}}
telegram: {{bot_token: "{telegram.bot_token}", api_base: "{telegram.api_base}"{settings}}}
policy: {{retry_backoff: 200ms, events_per_minute: 10000{policy}}}
"""
        self.config: Config = parse_config(text, {})[0]
        self.telegram = telegram
        self.record = open_record(database_url)
        now = datetime.now(UTC)
        self.license_id = tenants.add_license(
            self.record, self.config, name="Acme", tier="pro", at=now, owner_telegram=chat, language=language
        ).id
        tokens = SourceTokens(hash_key=b"k" * 32)
        made = sources.add_source(
            self.record, tokens, license_id=self.license_id, kind=SourceKind.WEBHOOK, name="s", at=now
        )
        self._token_hash = tokens.hash(made.token)

    def accept(self, title: str = "Intrusion") -> int:
        accepted = accept(
            self.record,
            config=self.config,
            token_hash=self._token_hash,
            alert=Alert(title=title),
            now=datetime.now(UTC),
        )
        assert accepted.event_id is not None
        return accepted.event_id

    def acknowledge(self, event_id: int, by: str = "Dana") -> None:
        acknowledge(
            self.record,
            event_ids=[event_id],
            contact_id=None,
            by=by,
            via=AcknowledgedVia.ADMIN,
            at=datetime.now(UTC),
        )

    def show(self, event_id: int) -> dict[str, Any]:
        shown = show_event(self.record, event_id)
        assert shown is not None
        return shown

    def entries(self, event_id: int, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.show(event_id)["timeline"] if entry["type"] == kind]

    def expect_status(self, event_id: int, status: str, timeout: float = 15) -> None:
        until(lambda: self.show(event_id)["status"] == status, timeout, f"event {event_id} is {status}")

    def attempts(self, event_id: int) -> list[Attempt]:
        with self.record.read() as work:
            return [attempt for attempt in work.attempts.of_event(event_id) if attempt.level is Level.OWNER]

    def rows(self, event_id: int) -> list[OwnerMessage]:
        with self.record.read() as work:
            found = [work.owner_messages.get(attempt.id) for attempt in work.attempts.of_event(event_id)]
        return [row for row in found if row is not None]

    def expect_up_to_date(self, event_id: int, shown: str) -> None:
        """Wait until the record says what the event's message shows, and that nothing is to be done about it."""
        until(
            lambda: [(row.shown, row.due_at) for row in self.rows(event_id)] == [(shown, None)],
            10,
            f"the message about event {event_id} is on record as showing {shown}",
        )

    @contextmanager
    def engine(self, on_broken: Callable[[], None] | None = None) -> Iterator[Engine]:
        engine = Engine(self.config, on_broken=on_broken)
        with ExitStack() as stack:
            engine.start()
            stack.callback(engine.stop)
            yield engine
