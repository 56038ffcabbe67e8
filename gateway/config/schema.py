"""What may stand in ``tocsin.yaml``, with every default.

Unknown keys are errors. Durations are written ``500ms``, ``30s``, ``2m``, ``1h``.
"""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from gateway.config.asterisk import AsteriskConfig, NodeConfig, TrunkConfig
from gateway.config.call_safety import CallSafetyConfig, LinesConfig
from gateway.config.tts import TtsConfig
from gateway.config.twilio import TwilioConfig
from gateway.config.values import (
    CROSS_CHECK,
    Duration,
    Fraction,
    Length,
    Name,
    Secret,
    Section,
    Url,
    Whole,
    parse_address,
    parse_database_url,
    parse_duration,
    parse_e164,
    parse_language,
    parse_url_with_query,
)
from gateway.model.call import MachinePolicy
from gateway.model.caps import CallCaps
from gateway.model.policy import Policy, Tier

__all__ = [
    "CROSS_CHECK",
    "AckLinksConfig",
    "AsteriskConfig",
    "CallCapsConfig",
    "Config",
    "EngineConfig",
    "NodeConfig",
    "PolicyConfig",
    "TelegramConfig",
    "TierConfig",
    "TrunkConfig",
    "TtsConfig",
    "TwilioConfig",
    "WebConfig",
    "parse_duration",
    "parse_e164",
    "parse_language",
]

_POLICY = Policy()
_CAPS = CallCaps()


class WebConfig(Section):
    """The web processes.

    ``trusted_proxies`` is how many proxies stand before them, whose ``X-Forwarded-For`` is believed. Without
    ``keep_source_tokens`` the token of an alert source is shown once and kept as a hash only.
    ``metrics_token`` is what ``/metrics`` asks for; without one it answers private networks alone.
    """

    bind: Annotated[str, AfterValidator(parse_address)] = "127.0.0.1:8080"
    public_url: Url = "http://127.0.0.1:8080"
    workers: Annotated[Whole, Field(ge=1, le=64)] = 2
    threads: Annotated[Whole, Field(ge=1, le=256)] = 8
    trusted_proxies: Annotated[Whole, Field(ge=0, le=10)] = 0
    keep_source_tokens: bool = True
    metrics_token: Secret | None = None


class AckLinksConfig(Section):
    """Acknowledgement links."""

    require_tap: bool = False


class TelegramConfig(Section):
    """The bot that tells the licenses' owners. With ``poll`` its messages have a button."""

    bot_token: Secret
    api_base: Url = "https://api.telegram.org"
    poll: bool = True
    timeout: Length = timedelta(seconds=10)


class EngineConfig(Section):
    """Sizes of the engine process, and how it looks after itself."""

    catch_up_at_once: Annotated[Whole, Field(ge=1)] = 100
    catch_up_rate: Annotated[Fraction, Field(gt=0)] = 50
    actor_threads: Annotated[Whole, Field(ge=1, le=64)] = 4
    io_threads: Annotated[Whole, Field(ge=1, le=256)] = 16
    audit_every: Length = timedelta(seconds=30)
    heartbeat_url: Annotated[str, AfterValidator(parse_url_with_query)] | None = None
    heartbeat_every: Length = timedelta(minutes=1)


class CallCapsConfig(Section):
    """How often one person and one number may be called, whoever's alerts they are."""

    per_contact_gap: Length = _CAPS.per_contact_gap
    per_contact_hour: Annotated[Whole, Field(ge=1)] = _CAPS.per_contact_hour
    per_number_3h: Annotated[Whole, Field(ge=1)] = _CAPS.per_number_3h

    def caps(self) -> CallCaps:
        """Return the same as the model's value."""
        return CallCaps(**dict(self))


class PolicyConfig(Section):
    """The defaults of the policy; a license may override each."""

    l1_wait: Duration = _POLICY.l1_wait
    l2_wait: Duration = _POLICY.l2_wait
    call_attempts: Annotated[Whole, Field(ge=0, le=10)] = _POLICY.call_attempts
    ring_timeout: Length = _POLICY.ring_timeout
    call_gap: Duration = _POLICY.call_gap
    dedup_window: Duration = _POLICY.dedup_window
    events_per_minute: Annotated[Whole, Field(ge=1)] = _POLICY.events_per_minute
    stand_down: bool = _POLICY.stand_down
    send_timeout: Length = _POLICY.send_timeout
    retry_backoff: Length = _POLICY.retry_backoff
    retry_backoff_max: Length = _POLICY.retry_backoff_max
    call_retry_for: Duration = _POLICY.call_retry_for
    owner_retry_for: Duration = _POLICY.owner_retry_for
    link_lifetime: Length = _POLICY.link_lifetime
    answering_machine: MachinePolicy = _POLICY.answering_machine

    def policy(self) -> Policy:
        """Return the same as the model's value."""
        return Policy(**dict(self))


class TierConfig(Section):
    """What one tier includes; ``null`` is without limit."""

    voice_note: bool = True
    call: bool = True
    voice_minutes: Annotated[Whole, Field(ge=0)] | None = None
    events_per_month: Annotated[Whole, Field(ge=0)] | None = None

    def tier(self) -> Tier:
        """Return the same as the model's value."""
        return Tier(**dict(self))


def _default_tiers() -> dict[str, TierConfig]:
    return {
        "basic": TierConfig(voice_note=False, voice_minutes=5),
        "pro": TierConfig(voice_minutes=50),
        "enterprise": TierConfig(voice_minutes=500),
    }


class Config(Section):
    """The whole file. ``var_dir`` is where the gateway keeps secrets that it made, audio and SQLite's file."""

    var_dir: Path = Path("var")
    database_url: Annotated[str, AfterValidator(parse_database_url)] = "sqlite:///var/tocsin.db"
    secret_key: Secret | None = None
    web: WebConfig = WebConfig()
    ack_links: AckLinksConfig = AckLinksConfig()
    asterisk: AsteriskConfig | None = None
    twilio: TwilioConfig | None = None
    telegram: TelegramConfig | None = None
    tts: TtsConfig = TtsConfig()
    engine: EngineConfig = EngineConfig()
    call_caps: CallCapsConfig = CallCapsConfig()
    call_safety: CallSafetyConfig = CallSafetyConfig()
    lines: LinesConfig = LinesConfig()
    policy: PolicyConfig = PolicyConfig()
    tiers: dict[Name, TierConfig] = Field(default_factory=_default_tiers)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, values: object) -> object:
        if not isinstance(values, dict):
            return values
        # A section whose keys are all commented out reads as null: it is absent.
        filled = {key: value for key, value in values.items() if value is not None}
        if "var_dir" in filled and "database_url" not in filled:
            filled["database_url"] = f"sqlite:///{filled['var_dir']}/tocsin.db"
        return filled
