"""The policy as a person at the pages reads and overrides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from flask import flash
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString
from flask_wtf import FlaskForm

from gateway.config.loader import effective_policy
from gateway.config.mistakes import ConfigError
from gateway.config.schema import PolicyConfig
from gateway.model.call import MachinePolicy

WORDS: Mapping[str, LazyString] = {
    "l1_wait": lazy_gettext("Wait after the WhatsApp text"),
    "l2_wait": lazy_gettext("Wait after the voice note"),
    "call_attempts": lazy_gettext("Missed calls before the next contact's turn"),
    "ring_timeout": lazy_gettext("A phone rings for"),
    "call_gap": lazy_gettext("Pause between two calls"),
    "answering_machine": lazy_gettext("Where a machine answers"),
    "stand_down": lazy_gettext("Text to those told when it is over"),
    "dedup_window": lazy_gettext("A repeated alert counts as the same for"),
    "events_per_minute": lazy_gettext("Alerts a minute that escalate"),
    "link_lifetime": lazy_gettext("An acknowledgement link works for"),
    "send_timeout": lazy_gettext("A message without an answer counts as perhaps sent after"),
    "retry_backoff": lazy_gettext("First pause before another try"),
    "retry_backoff_max": lazy_gettext("Longest pause before another try"),
    "call_retry_for": lazy_gettext("A call that nobody can place is tried for"),
    "owner_retry_for": lazy_gettext("The message to the owner is tried for"),
}
# What is about the ladder itself; the rest is seldom touched.
USUAL = tuple(WORDS)[:10]
SELDOM = tuple(WORDS)[10:]
MACHINES = {
    MachinePolicy.IGNORE: lazy_gettext("Say the message all the same"),
    MachinePolicy.HANG_UP: lazy_gettext("Hang up"),
    MachinePolicy.LEAVE_MESSAGE: lazy_gettext("Leave the message"),
}
PREFIX = "policy_"
_UNITS = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("m", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One key of a license's policy: what holds, what is configured, and whether the license overrides it."""

    words: LazyString
    value: str
    default: str
    overridden: bool


def rules(base: PolicyConfig, overrides: Mapping[str, object]) -> list[Rule]:
    """Return the policy that holds for a license, key by key. Raises ``ConfigError`` for overrides that cannot be."""
    policy = effective_policy(base, overrides)
    return [
        Rule(
            words=words,
            value=notation(getattr(policy, key)),
            default=notation(getattr(base, key)),
            overridden=key in overrides,
        )
        for key, words in WORDS.items()
    ]


def notation(value: object) -> str:
    """Return a policy's value as it is written, ``2m`` or ``500ms``, or in words where it is none of its keys' own."""
    match value:
        case bool():
            return f"{gettext('yes') if value else gettext('no')}"
        case MachinePolicy():
            return f"{MACHINES[value]}"
        case timedelta():
            return _duration(value)
        case _:
            return str(value)


def as_text(value: object) -> str:
    """Return an override for the form's field; nothing for none."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def wanted(form: FlaskForm, present: Mapping[str, object]) -> dict[str, object | None]:
    """Return the overrides that a form has, ``None`` for keys that it leaves as they are configured.

    Those of the ``present`` ones that this version does not know end with it.
    """
    found = {key: (form[PREFIX + key].data or "").strip() for key in WORDS}
    return {**dict.fromkeys(present), **{key: _meant(text) if text else None for key, text in found.items()}}


def refuse(form: FlaskForm, error: ConfigError) -> None:
    """Show each mistake beside its field."""
    for mistake in error.mistakes:
        key = PREFIX + mistake.path.rpartition(".")[2]
        if key in form:
            said = mistake.problem + (f"; {mistake.suggestion}" if mistake.suggestion else "")
            form[key].errors = [*form[key].errors, said]
        else:
            flash(str(mistake), "error")


def _meant(text: str) -> object:
    if text in {"true", "false"}:
        return text == "true"
    return int(text) if text.isascii() and text.isdigit() else text


def _duration(value: timedelta) -> str:
    for unit, length in _UNITS:
        if value >= length and not value % length:
            return f"{value // length}{unit}"
    milliseconds = value / timedelta(milliseconds=1)
    return f"{milliseconds:g}ms" if value else "0s"
