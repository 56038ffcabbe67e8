"""One transaction, with its repositories."""

from collections.abc import Sequence

from sqlalchemy import Connection

from gateway.model.call import Call
from gateway.model.timeline import TimelineEntry
from gateway.ports.call_details import CallDetailRepository
from gateway.ports.inbound import InboundRepository
from gateway.ports.quota import QuotaRepository
from gateway.ports.record import (
    AcknowledgementRepository,
    AttemptRepository,
    AuditRepository,
    CallRepository,
    ContactRepository,
    CursorRepository,
    EventListRepository,
    EventRepository,
    EvidenceRepository,
    HeartbeatRepository,
    LicenseRepository,
    OwnerMessageRepository,
    RefusedPostRepository,
    SignalRepository,
    SourceRepository,
    TimelineRepository,
    TrialRepository,
    UserRepository,
)
from gateway.store.repositories.acknowledgements import SqlAcknowledgements
from gateway.store.repositories.attempts import SqlAttempts
from gateway.store.repositories.call_details import SqlCallDetails
from gateway.store.repositories.calls import SqlCalls
from gateway.store.repositories.contacts import SqlContacts
from gateway.store.repositories.event_lists import SqlEventLists
from gateway.store.repositories.events import SqlEvents
from gateway.store.repositories.evidence import SqlEvidence
from gateway.store.repositories.heartbeats import SqlHeartbeats
from gateway.store.repositories.inbound import SqlInbound
from gateway.store.repositories.licenses import SqlLicenses
from gateway.store.repositories.owner_messages import SqlCursors, SqlOwnerMessages
from gateway.store.repositories.quota import SqlQuota
from gateway.store.repositories.refused_posts import SqlRefusedPosts
from gateway.store.repositories.signals import SqlSignals
from gateway.store.repositories.sources import SqlSources
from gateway.store.repositories.timeline import SqlTimeline
from gateway.store.repositories.trials import SqlTrials
from gateway.store.repositories.users import SqlAudit, SqlUsers


class SqlUnitOfWork:
    """``UnitOfWork`` on one connection, whose transaction has begun."""

    def __init__(self, connection: Connection, *, writes: bool) -> None:
        self._connection = connection
        self._is_committed = False
        self.licenses: LicenseRepository = SqlLicenses(connection)
        self.contacts: ContactRepository = SqlContacts(connection)
        self.sources: SourceRepository = SqlSources(connection)
        self.events: EventRepository = SqlEvents(connection)
        self.event_lists: EventListRepository = SqlEventLists(connection)
        self.attempts: AttemptRepository = SqlAttempts(connection, holds=writes)
        self._calls = SqlCalls(connection, holds=writes)
        self.calls: CallRepository = self._calls
        self.call_details: CallDetailRepository = SqlCallDetails(connection)
        self.acknowledgements: AcknowledgementRepository = SqlAcknowledgements(connection)
        self._timeline = SqlTimeline(connection)
        self.timeline: TimelineRepository = self._timeline
        self.evidence: EvidenceRepository = SqlEvidence(connection)
        self.signals: SignalRepository = SqlSignals(connection)
        self.heartbeats: HeartbeatRepository = SqlHeartbeats(connection)
        self.inbound: InboundRepository = SqlInbound(connection)
        self.quota: QuotaRepository = SqlQuota(connection)
        self.owner_messages: OwnerMessageRepository = SqlOwnerMessages(connection)
        self.cursors: CursorRepository = SqlCursors(connection)
        self.users: UserRepository = SqlUsers(connection)
        self.audit: AuditRepository = SqlAudit(connection)
        self.refused_posts: RefusedPostRepository = SqlRefusedPosts(connection)
        self.trials: TrialRepository = SqlTrials(connection, holds=writes)

    def commit(self) -> None:
        """See the port. The timeline comes last: its chain is locked for as short a time as can be."""
        self._timeline.flush()
        self._connection.commit()
        self._is_committed = True

    def news(self) -> tuple[Sequence[TimelineEntry], Sequence[Call]] | None:
        """Return the entries that were committed, and the legs that began or ended; ``None`` without a commit."""
        return (self._timeline.written, self._calls.news) if self._is_committed else None
