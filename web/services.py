"""What the web processes work with. The composition root builds it, once per process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, cast

from flask import current_app

from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.messages import CallbackVerifier, Delivery
from gateway.ports.provider_calls import ProviderReport
from gateway.ports.record import Record
from gateway.ports.speech import Speech
from gateway.ports.wakeup import Wakeup
from gateway.services.call_script import CallScript
from gateway.services.fast_intake import FastIntake
from gateway.services.passwords import Passwords
from gateway.services.quota import VoiceQuota
from gateway.services.tokens import SourceTokens

EXTENSION = "tocsin"


class LinkReader(Protocol):
    """Knows the tokens of acknowledgement links."""

    def read(self, token: str) -> int | None:
        """Return the id of the link; ``None`` for a token that was never given out."""
        ...


class MediaReader(Protocol):
    """Knows the tokens of the addresses under which a provider fetches audio."""

    def read(self, token: str) -> str | None:
        """Return the name of the file in the audio directory; ``None`` where forged or expired."""
        ...


class PartState(StrEnum):
    """How a part of the gateway is."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the gateway, for ``/readyz``. Without a ``needed`` part that is down no alert can be taken."""

    name: str
    state: PartState
    detail: str
    needed: bool = False


class ScriptReader(Protocol):
    """Knows the tokens that stand for what a call says."""

    def read(self, token: str) -> CallScript | None:
        """Return the script; ``None`` where forged or expired."""
        ...


class MessageReportReader(Protocol):
    """Reads the form of a provider's status callback."""

    def __call__(self, form: Mapping[str, str], *, by_template: bool = False) -> Delivery | None:
        """Return what it says of a message, ``None`` where it is no report on one."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCalls:
    """What the views of calls through a cloud provider work with.

    ``sound_url`` gives the address under which the provider fetches a sound, ``read_report`` what its form says of a
    call, ``None`` where it says nothing of one. ``caller_id`` is the number that such calls show.
    """

    scripts: ScriptReader
    sound_url: Callable[[Path], str]
    speech: Speech
    quota: VoiceQuota
    read_report: Callable[[Mapping[str, str]], ProviderReport | None]
    caller_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminServices:
    """What the pages under ``/admin`` work with besides.

    ``session_key`` signs their sessions; ``speech`` says what people try, ``None`` where nothing can.
    """

    session_key: bytes
    passwords: Passwords
    tokens: SourceTokens
    speech: Speech | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """The collaborators of every view.

    ``hash_token`` gives the keyed hash under which a source's token is recorded.
    ``read_report`` turns the form of a provider's status callback into what it says, ``None`` where it
    is no report on a message. ``callbacks`` and ``read_report`` are ``None`` where the provider is not configured,
    ``voice`` where no calls go through it, ``admin`` where there are no pages. ``fast_intake`` takes the alerts that
    leave nothing to decide; without it each is decided on by itself.
    ``parts`` looks at the gateway's parts now, and must not block for long. ``explain_call`` tells why a recorded call
    (``gateway.services.call_details.call_document``) ended as it did, ``None`` where it is not over;
    ``explain_trouble`` what a SIP status and a Q.850 cause say of a trunk that could not place a call.
    """

    config: Config
    record: Record
    wakeup: Wakeup
    clock: Clock
    hash_token: Callable[[str], bytes]
    links: LinkReader
    media: MediaReader
    audio_dir: Path
    parts: Callable[[], Sequence[Part]]
    callbacks: CallbackVerifier | None = None
    read_report: MessageReportReader | None = None
    voice: VoiceCalls | None = None
    admin: AdminServices | None = None
    fast_intake: FastIntake | None = None
    explain_call: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda _: None
    explain_trouble: Callable[[int | None, int | None], Mapping[str, Any] | None] = lambda *_: None


def services() -> WebServices:
    """Return the collaborators of the application that serves the present request."""
    return cast("WebServices", current_app.extensions[EXTENSION])


def admin_services() -> AdminServices:
    """Return what the pages work with, in a view of theirs."""
    admin = services().admin
    if admin is None:
        raise LookupError("this application has no pages")
    return admin
