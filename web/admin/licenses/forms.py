"""The forms of licenses."""

from collections.abc import Mapping
from zoneinfo import available_timezones

from flask_babel import gettext
from flask_babel import lazy_gettext as _
from flask_wtf import FlaskForm
from wtforms import BooleanField, SelectField, StringField, SubmitField, TelField
from wtforms.validators import InputRequired, Length, Optional

from gateway.config.schema import Config, TierConfig
from gateway.model.license import License
from web.admin.forms import choices
from web.admin.licenses.policy import MACHINES, PREFIX, WORDS, notation
from web.admin.speech_languages import language_choices

# What a superadmin alone decides: what the license pays for.
PAID = ("tier", "active", "voice_minutes", "events_per_month", "overdraft")
_PLAIN = {"autocomplete": "off"}


class LicenseForm(FlaskForm):
    """A license as it is set up or changed. The policy's fields are added below, one for each of its keys."""

    name = StringField(_("Name"), [InputRequired(), Length(1, 200)], render_kw=_PLAIN)
    timezone = StringField(
        _("Time zone"),
        [InputRequired(), Length(max=100)],
        description=_("As in Europe/Madrid. Months are counted in it, and times are told in it."),
        render_kw={**_PLAIN, "list": "timezones"},
    )
    language = SelectField(_("Language"), description=_("Of the owner's messages, and of new contacts."))
    owner_telegram = StringField(
        _("Owner's Telegram chat"),
        [Optional(), Length(max=50)],
        description=_("Is told when everyone failed. The bot answers /start with the chat's number."),
        render_kw={**_PLAIN, "placeholder": "123456789"},
    )
    handoff_number = TelField(
        _("Operator's number"),
        [Optional(), Length(max=30)],
        description=_("Key 2 connects a call to it. With + and the country code."),
        render_kw={**_PLAIN, "placeholder": "+15550100"},
    )
    active = BooleanField(_("Active: alerts are taken"), default=True)
    tier = SelectField(_("Tier"))
    voice_minutes = StringField(_("Voice minutes a month"), [Optional(), Length(max=20)], render_kw=_PLAIN)
    events_per_month = StringField(_("Alerts a month that escalate"), [Optional(), Length(max=20)], render_kw=_PLAIN)
    overdraft = BooleanField(_("Critical alerts are called about even when the voice minutes are spent"))
    submit = SubmitField(_("Save"))


def _policy_field(key: str) -> StringField | SelectField:
    if key in {"answering_machine", "stand_down"}:
        return SelectField(WORDS[key], default="")
    return StringField(WORDS[key], [Optional(), Length(max=20)], render_kw=_PLAIN)


for _key in WORDS:
    setattr(LicenseForm, PREFIX + _key, _policy_field(_key))


def license_form(config: Config, present: License | None, **values: object) -> LicenseForm:
    """Return a form with the choices and the defaults of this installation, and those of the ``present`` license."""
    form = LicenseForm(**values)
    form.language.choices = language_choices(present.language if present else None)
    tier, tiers = present.tier if present else None, dict(config.tiers)
    form.tier.choices = choices((name, _tier_words(name, one)) for name, one in tiers.items())
    if tier is not None and tier not in tiers:
        form.tier.choices += choices([(tier, gettext("%(tier)s (not configured any more)", tier=tier))])
    caps = _caps(tiers.get(form.tier.data or tier or ""))
    for name, cap in caps.items():
        form[name].description = gettext("A number, or unlimited. Empty: the tier's, %(cap)s.", cap=cap)
    for key in WORDS:
        field, default = form[PREFIX + key], notation(getattr(config.policy, key))
        configured = gettext("As configured: %(value)s", value=default)
        if isinstance(field, SelectField):
            field.choices = choices([("", configured), *_values(key)])
        else:
            field.description = configured
            field.render_kw = {**_PLAIN, "placeholder": default}
    return form


def time_zones() -> list[str]:
    """Return the names of time zones, for the field to complete."""
    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/")))


def _values(key: str) -> list[tuple[object, object]]:
    if key == "answering_machine":
        return [(one.value, words) for one, words in MACHINES.items()]
    return [("true", gettext("yes")), ("false", gettext("no"))]


def _caps(tier: TierConfig | None) -> Mapping[str, str]:
    caps = {"voice_minutes": tier and tier.voice_minutes, "events_per_month": tier and tier.events_per_month}
    return {name: gettext("unlimited") if cap is None else str(cap) for name, cap in caps.items()}


def _tier_words(name: str, tier: TierConfig) -> str:
    parts = [gettext("%(count)s voice minutes", count=_caps(tier)["voice_minutes"])]
    if not tier.voice_note:
        parts.append(gettext("no voice notes"))
    if not tier.call:
        parts.append(gettext("no calls"))
    return f"{name}: {', '.join(parts)}"
