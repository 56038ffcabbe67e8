"""The composition root: everything is built here, and nothing imports it but the processes' entry points."""

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from gateway.app.call_words import explanation_of, trouble_of
from gateway.app.clock import WallClock
from gateway.app.readiness import parts_of
from gateway.app.secrets import Secrets, load_secrets, source_tokens
from gateway.app.speech import audio_dir, build_speech
from gateway.channels.telegram.owner import TelegramChannel
from gateway.channels.twilio.outcomes import read_report
from gateway.channels.twilio.signature import TwilioCallbackVerifier
from gateway.channels.twilio.voice import TwilioPhone
from gateway.channels.twilio.voice_outcomes import read_voice_report
from gateway.channels.twilio.whatsapp import WhatsAppChannel
from gateway.config.schema import Config
from gateway.model.attempt import Level
from gateway.ports.clock import Clock
from gateway.ports.messages import NotificationChannel
from gateway.ports.phone import TWILIO, CallOrder, PhoneListener
from gateway.ports.record import CommitObserver, Record, RecordUnavailableError
from gateway.ports.speech import Speech
from gateway.services import sources
from gateway.services.call_script import CallScript, ScriptSigner
from gateway.services.fast_intake import FastIntake
from gateway.services.media import MediaSigner
from gateway.services.passwords import Passwords
from gateway.services.provider_calls import ProviderCalls
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import LinkSigner
from gateway.store.record import SqlRecord, open_record
from gateway.store.schema import SchemaState, migrate, schema_state
from gateway.store.wakeup import make_wakeup
from web.services import AdminServices, VoiceCalls, WebServices

log = structlog.get_logger(__name__)


class NotReadyError(Exception):
    """The process cannot start; the message says what to do about it."""


def prepare_record(config: Config, *, migrate_first: bool = False) -> None:
    """See to it that the database has this version's schema. Raises ``NotReadyError``.

    ``tocsin serve`` migrates by itself; where machines share a database, ``tocsin migrate`` is run once instead.
    """
    if migrate_first or config.database_url.startswith("sqlite"):
        migrate(config.database_url)
    state = schema_state(config.database_url)
    if state is SchemaState.BEHIND:
        raise NotReadyError("the database's schema is behind this version: run `tocsin migrate`")
    if state is SchemaState.AHEAD:
        raise NotReadyError("a newer version has migrated the database: install that version, or restore a backup")
    if state is SchemaState.UNREACHABLE:
        # Not an error: web and engine both wait for the database, and /readyz says so.
        log.error("database_unreachable_at_start")


def forget_source_tokens(config: Config) -> None:
    """Delete the copies of tokens that were kept before ``web.keep_source_tokens`` was turned off."""
    if config.web.keep_source_tokens:
        return
    record = build_record(config, pool_size=1)
    try:
        if forgotten := sources.forget_tokens(record):
            log.info("source_tokens_forgotten", count=forgotten)
    except RecordUnavailableError as error:
        log.warning("source_tokens_not_forgotten", error=str(error))
    finally:
        record.close()


def build_channels(config: Config, closing: threading.Event) -> Mapping[Level, NotificationChannel]:
    """Return the configured message channels by level. ``closing`` ends their pauses between tries."""
    channels: dict[Level, NotificationChannel] = {}
    if config.twilio is not None:
        whatsapp = WhatsAppChannel(config.twilio, closing=closing)
        channels |= dict.fromkeys((Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN), whatsapp)
    if config.telegram is not None:
        channels[Level.OWNER] = TelegramChannel(config.telegram)
    return channels


def link_url(config: Config, secrets: Secrets) -> Callable[[int], str]:
    """Return what makes the address of an acknowledgement link from its id."""
    signer, base = LinkSigner(secrets.link_key), config.web.public_url.rstrip("/")
    return lambda link_id: f"{base}/a/{signer.sign(link_id)}"


def media_url(config: Config, secrets: Secrets) -> Callable[[Path], str]:
    """Return what makes the address of a voice note from its file."""
    signer, base = MediaSigner(secrets.media_key), config.web.public_url.rstrip("/")
    directory = audio_dir(config)
    return lambda path: f"{base}/media/{signer.sign(str(path.relative_to(directory)))}.ogg"


class TwilioVoiceAddresses:
    """The addresses under which Twilio finds what a call says. Implements ``VoiceAddresses``.

    Raises ``ValueError`` for a sound that is not in the audio directory.
    """

    def __init__(self, config: Config, secrets: Secrets) -> None:
        self._base = config.web.public_url.rstrip("/")
        self._directory = audio_dir(config)
        self._scripts = ScriptSigner(secrets.media_key)
        self._media = MediaSigner(secrets.media_key)

    def answer(self, order: CallOrder) -> str:
        """Return where Twilio asks what the call says."""
        return f"{self._base}/twilio/voice/answer?call={self._token(order)}"

    def status(self, order: CallOrder) -> str:
        """Return where Twilio reports how the call goes."""
        return f"{self._base}/twilio/voice/status?call={self._token(order)}"

    def sound(self, path: Path) -> str:
        """Return where Twilio fetches a sound."""
        return f"{self._base}/media/{self._media.sign(self._name(path))}.wav"

    def _token(self, order: CallOrder) -> str:
        return self._scripts.sign(
            CallScript(
                call_id=order.call_id,
                language=order.language,
                announcement=self._name(order.announcement),
                prompts={prompt: self._name(path) for prompt, path in order.prompts.items()},
                handoff_number=order.handoff_number,
                whisper=self._name(order.whisper) if order.whisper is not None else None,
                pin_wanted=order.pin_wanted,
                machine=order.machine,
            )
        )

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._directory))


def build_twilio_phone(
    config: Config, secrets: Secrets, *, record: Record, listener: PhoneListener, clock: Clock
) -> TwilioPhone | None:
    """Return the phone over Twilio; ``None`` where it has no number to call from."""
    if config.twilio is None or config.twilio.voice_from is None:
        return None
    return TwilioPhone(
        config=config.twilio,
        addresses=TwilioVoiceAddresses(config, secrets),
        book=ProviderCalls(record, TWILIO),
        listener=listener,
        clock=clock,
    )


def build_voice_calls(config: Config, secrets: Secrets, speech: Speech) -> VoiceCalls | None:
    """Return what the views of calls through Twilio work with; ``None`` where there are none."""
    if config.twilio is None or config.twilio.voice_from is None:
        return None
    return VoiceCalls(
        scripts=ScriptSigner(secrets.media_key),
        sound_url=TwilioVoiceAddresses(config, secrets).sound,
        speech=speech,
        quota=VoiceQuota(config.tiers),
        read_report=read_voice_report,
        caller_id=config.twilio.voice_from,
    )


def status_url(config: Config) -> Callable[[int], str | None]:
    """Return what makes the address for Twilio's reports about one attempt.

    The attempt's id is part of it, so that a report that overtakes the answer to our own request finds its attempt.
    """
    base = config.web.public_url.rstrip("/")
    return lambda attempt_id: f"{base}/twilio/whatsapp/status?attempt={attempt_id}"


def build_record(config: Config, *, pool_size: int, observer: CommitObserver | None = None) -> SqlRecord:
    """Return the record; ``observer`` is told of what is committed."""
    return open_record(config.database_url, pool_size=pool_size, observer=observer)


def build_web_services(config: Config, *, observer: CommitObserver | None = None) -> WebServices:
    """Return what the views of one web process work with."""
    secrets = load_secrets(config)
    record = build_record(config, pool_size=config.web.threads, observer=observer)
    twilio = config.twilio
    clock = WallClock()
    tokens = source_tokens(config, secrets)
    # Its process is started with the first word that is not in the cache, and ends with this one. A neural voice is
    # loaded by the engine process alone: each of these would take as much memory again.
    speech = build_speech(config, may_load=False)
    wakeup = make_wakeup(config.database_url)
    return WebServices(
        config=config,
        record=record,
        wakeup=wakeup,
        clock=clock,
        hash_token=tokens.hash,
        links=LinkSigner(secrets.link_key),
        media=MediaSigner(secrets.media_key),
        audio_dir=audio_dir(config),
        parts=lambda: parts_of(config, record, clock),
        callbacks=TwilioCallbackVerifier(twilio.auth_token) if twilio else None,
        read_report=read_report if twilio else None,
        voice=build_voice_calls(config, secrets, speech),
        admin=AdminServices(session_key=secrets.session_key, passwords=Passwords(), tokens=tokens, speech=speech),
        fast_intake=FastIntake(record.fast_intake(), config=config, wakeup=wakeup),
        explain_call=explanation_of,
        explain_trouble=trouble_of,
    )
