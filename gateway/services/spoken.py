"""What somebody heard, to be heard again: the announcement of a call, and a voice note.

An event keeps its words, its people and its license's templates, so that what was said can be said again; where its
audio is still in the cache, it is the same file. A call's record has its announcement's SHA-256, which tells whether it
is.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call
from gateway.model.languages import speakable
from gateway.model.policy import Snapshot
from gateway.ports.record import EscalationRecord, Record, UnitOfWork
from gateway.ports.speech import AudioFormat, Speech
from gateway.services import spoken_words
from gateway.wording.templates import Facts, TemplateName
from gateway.wording.worded import worded

_HEARD = frozenset(
    {AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ, AttemptState.ACKNOWLEDGED, AttemptState.UNKNOWN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """Words that were spoken. ``sha256`` is that of the file in hexadecimal digits, ``None`` where it was not kept."""

    text: str
    language: str
    audio_format: AudioFormat
    sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Audio, whole. ``is_original``: it is the very file that was heard; ``None`` where nobody can tell."""

    content: bytes
    audio_format: AudioFormat
    sha256: str
    is_original: bool | None


@dataclass(frozen=True, slots=True)
class _Alert:
    title: str
    body: str
    severity: str
    snapshot: Snapshot


def heard_calls(calls: Collection[Call]) -> list[Call]:
    """Return those of the calls in which somebody, or something, heard the announcement."""
    return [call for call in calls if call.answered_at is not None]


def heard_notes(history: Collection[Attempt]) -> list[Attempt]:
    """Return the voice notes that left, as far as is known."""
    return [one for one in history if one.level is Level.VOICE_NOTE and one.state in _HEARD]


def of_call(record: Record, call_id: str, *, event_id: int) -> Saying | None:
    """Return what a call announced; ``None`` where it is not on record or did not announce the event."""
    with record.read() as work:
        call = work.calls.get(call_id)
        escalations = _announced(work, call_id)
    if call is None or event_id not in {one.event.id for one in escalations}:
        return None
    snapshot = escalations[-1].snapshot
    contact = next((one for one in snapshot.contacts if one.id == call.contact_id), None)
    if contact is None:
        return None
    alerts = [_Alert(one.event.title, one.event.body, one.event.severity.value, one.snapshot) for one in escalations]
    text = spoken_words.announcement(contact, alerts, _word(snapshot))
    return Saying(
        text=text,
        language=speakable(contact.language),
        audio_format=AudioFormat.PHONE,
        sha256=call.audio_sha256,
    )


def of_note(record: Record, attempt_id: int, *, event_id: int) -> Saying | None:
    """Return what a voice note said; ``None`` where the event has no such one."""
    with record.read() as work:
        escalation = work.events.escalation(event_id)
    if escalation is None:
        return None
    note = next((one for one in heard_notes(escalation.history) if one.id == attempt_id), None)
    contact = next((one for one in escalation.snapshot.contacts if note and one.id == note.contact_id), None)
    if contact is None:
        return None
    text = spoken_words.voice_note(contact, escalation, _word(escalation.snapshot))
    return Saying(text=text, language=speakable(contact.language), audio_format=AudioFormat.VOICE_NOTE)


def sound_of(speech: Speech, saying: Saying) -> Sound:
    """Return the audio, from the cache where it is, else spoken anew. Blocks.

    Raises ``SpeechError``, and ``OSError`` where the file went away meanwhile.
    """
    said = speech.render(saying.text, language=saying.language, audio_format=saying.audio_format)
    content = said.path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Sound(
        content=content,
        audio_format=saying.audio_format,
        sha256=digest,
        is_original=None if saying.sha256 is None else digest == saying.sha256,
    )


def _announced(work: UnitOfWork, call_id: str) -> list[EscalationRecord]:
    """Return the events that a call announced, in the order in which it did."""
    attempts = sorted(work.attempts.of_call(call_id), key=lambda one: (one.event_id, one.id))
    found = {one.event.id: one for one in work.events.escalations({attempt.event_id for attempt in attempts})}
    return [found[attempt.event_id] for attempt in attempts if attempt.event_id in found]


def _word(snapshot: Snapshot) -> spoken_words.Word:
    def word(name: TemplateName, language: str, facts: Facts) -> str:
        return worded(snapshot.templates, name, language, facts).text

    return word
