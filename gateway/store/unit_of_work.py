"""One transaction, with its repositories."""

from sqlalchemy import Connection

from gateway.store.repositories.acknowledgements import SqlAcknowledgements
from gateway.store.repositories.attempts import SqlAttempts
from gateway.store.repositories.calls import SqlCalls
from gateway.store.repositories.contacts import SqlContacts
from gateway.store.repositories.events import SqlEvents
from gateway.store.repositories.licenses import SqlLicenses
from gateway.store.repositories.signals import SqlSignals
from gateway.store.repositories.sources import SqlSources
from gateway.store.repositories.timeline import SqlTimeline


class SqlUnitOfWork:
    """``UnitOfWork`` on one connection, whose transaction has begun."""

    def __init__(self, connection: Connection, *, writes: bool) -> None:
        self._connection = connection
        self.licenses = SqlLicenses(connection)
        self.contacts = SqlContacts(connection)
        self.sources = SqlSources(connection)
        self.events = SqlEvents(connection, holds=writes)
        self.attempts = SqlAttempts(connection, holds=writes)
        self.calls = SqlCalls(connection, holds=writes)
        self.acknowledgements = SqlAcknowledgements(connection)
        self.timeline = SqlTimeline(connection)
        self.signals = SqlSignals(connection)

    def commit(self) -> None:
        """See the port."""
        self._connection.commit()
