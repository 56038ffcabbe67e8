"""What calls and voice notes say, made of the record alone, so that it can be said again."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from gateway.model.policy import Snapshot, SnapshotContact
from gateway.ports.record import EscalationRecord
from gateway.wording.templates import Facts, TemplateName

# Words a message of that name, in that language, from these facts.
Word = Callable[[TemplateName, str, Facts], str]


class Alert(Protocol):
    """What a call tells of one event."""

    @property
    def title(self) -> str:
        """The event's title."""
        ...

    @property
    def body(self) -> str:
        """The event's text."""
        ...

    @property
    def severity(self) -> str:
        """The event's severity."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The rules and people of the event."""
        ...


def announcement(contact: SnapshotContact, alerts: Sequence[Alert], word: Word) -> str:
    """Return what a call says about these alerts, the newest last: in the words of the newest one's license."""
    newest = alerts[-1]
    facts = Facts(
        license_name=newest.snapshot.license_name,
        contact=contact.name,
        severity=newest.severity,
        title=newest.title,
        body=newest.body,
        titles=[alert.title for alert in alerts],
    )
    return word(TemplateName.CALL if len(alerts) == 1 else TemplateName.CALL_SEVERAL, contact.language, facts)


def voice_note(contact: SnapshotContact, escalation: EscalationRecord, word: Word) -> str:
    """Return what a voice note to the contact says."""
    event = escalation.event
    facts = Facts(
        license_name=escalation.snapshot.license_name,
        contact=contact.name,
        severity=event.severity.value,
        title=event.title,
        body=event.body,
    )
    announced = word(TemplateName.CALL, contact.language, facts)
    return word(TemplateName.VOICE_NOTE, contact.language, replace(facts, announcement=announced))
