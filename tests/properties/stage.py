"""Where every world begins: one record, set back to a database with two licenses before each."""

import copy
import shutil
from datetime import UTC, datetime
from pathlib import Path

from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.store import migrate, open_record
from tests.properties.tenancy import Tenancy

# The first minutes of a month in Madrid, the last of the one before in London and New York.
BEGIN = datetime(2026, 3, 31, 22, 50, tzinfo=UTC)
CONFIG = """
policy:
  l1_wait: 3s
  l2_wait: 3s
  events_per_minute: 100000
  call_retry_for: 1m
  owner_retry_for: 5m
tiers:
  basic: {voice_note: false, voice_minutes: 1}
  pro: {voice_minutes: 3}
  enterprise: {}
call_caps: {per_contact_gap: 10m, per_contact_hour: 5, per_number_3h: 7}
"""


class Stage:
    """The record is the same one for all worlds: what it knows of its statements is learnt once."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "tocsin.db"
        self._first = directory / "first.db"
        text = f"var_dir: {directory}\ndatabase_url: sqlite:///{self.file}\n{CONFIG}"
        self.config: Config = parse_config(text, {})[0]
        migrate(self.config.database_url)
        self.record = open_record(self.config.database_url)
        tenancy = Tenancy(self.record, self.config)
        tenancy.populate(BEGIN)
        self._licenses = tenancy.licenses
        self.record.close()
        shutil.copyfile(self.file, self._first)

    def set(self) -> Tenancy:
        """Set the record back to its beginning, and return who is there then."""
        self.record.close()
        for old in self.file.parent.glob(f"{self.file.name}*"):
            old.unlink()
        shutil.copyfile(self._first, self.file)
        tenancy = Tenancy(self.record, self.config)
        tenancy.licenses = copy.deepcopy(self._licenses)
        return tenancy
