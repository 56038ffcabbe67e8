"""A license's own templates: which it has, setting and trying them. A template is tried before it is kept."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.audit import COMMAND_LINE, Actor
from gateway.model.call import CallOutcome
from gateway.model.event import Severity
from gateway.model.languages import LANGUAGES, speakable
from gateway.model.license import License
from gateway.ports.record import Record, UnitOfWork
from gateway.services.audit import note_change
from gateway.services.exceptions import InvalidValueError, UnknownLicenseError
from gateway.wording import sandbox, worded
from gateway.wording.results import tried_line
from gateway.wording.sandbox import TemplateFailedError, TemplateRefusedError
from gateway.wording.templates import VARIABLES, Facts, TemplateName, Templates, find, key_of, written

_LINK = "https://alerts.example.com/a/Zm9vYmFyYmF6cXV4"
_TRIED = {"Ana": CallOutcome.NO_ANSWER, "Luis": CallOutcome.BUSY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a template makes of an alert: ``spoken`` where a voice says it. ``own``: they are the license's words."""

    own: bool
    written: str
    spoken: str | None


def list_templates(record: Record, license_id: int) -> Templates:
    """Return a license's templates by language and name. Raises ``UnknownLicenseError``."""
    with record.read() as work:
        return _license(work, license_id).templates


def set_template(
    record: Record,
    license_id: int,
    *,
    language: str,
    name: TemplateName,
    source: str,
    at: datetime,
    by: Actor = COMMAND_LINE,
) -> None:
    """Keep a license's template for a message in a language; alerts from now on are told by it.

    Raises ``InvalidValueError`` for one that would fail, and ``UnknownLicenseError``.
    """
    key = _language(language)
    check_template(language=key, name=name, source=source)
    with record.write() as work:
        # Two that are set at once must not undo each other.
        work.licenses.lock(license_id)
        templates = {key: dict(named) for key, named in _license(work, license_id).templates.items()}
        former = templates.setdefault(key, {}).get(name.value)
        templates[key][name.value] = source
        work.licenses.set_templates(license_id, templates)
        note_change(
            work,
            by,
            "template.changed",
            _target(key, name),
            at=at,
            license_id=license_id,
            before=None if former is None else {"template": former},
            after={"template": source},
        )
        work.commit()


def remove_template(
    record: Record, license_id: int, *, language: str, name: TemplateName, at: datetime, by: Actor = COMMAND_LINE
) -> bool:
    """Return to the built-in words; tell whether there was a template. Raises ``ServiceError``."""
    key = _language(language)
    with record.write() as work:
        work.licenses.lock(license_id)
        templates = {key: dict(named) for key, named in _license(work, license_id).templates.items()}
        removed = templates.get(key, {}).pop(name.value, None)
        if removed is not None:
            work.licenses.set_templates(license_id, {key: named for key, named in templates.items() if named})
            was, target = {"template": removed}, _target(key, name)
            note_change(work, by, "template.removed", target, at=at, license_id=license_id, before=was)
        work.commit()
    return removed is not None


def check_template(*, language: str, name: TemplateName, source: str) -> None:
    """Raise ``InvalidValueError`` unless a template makes a good message of every sample alert."""
    try:
        sandbox.check(source, VARIABLES[name])
    except TemplateRefusedError as error:
        raise InvalidValueError(f"template {name.value}", str(error)) from error
    for kind, alert in _samples():
        facts = replace(alert, announcement=worded.built_in(TemplateName.CALL, language, alert))
        try:
            worded.own(source, name, language, facts)
        except TemplateFailedError as error:
            raise InvalidValueError(f"template {name.value}", f"with {kind}, {error}") from error


def preview(
    record: Record, license_id: int, *, language: str, name: TemplateName, source: str | None = None, facts: Facts
) -> Preview:
    """Return what would be said or written: by ``source``, else by the license's template, else in built-in words.

    The license's name is filled in. Raises ``ServiceError``.
    """
    with record.read() as work:
        license_ = _license(work, license_id)
    facts = _of_license(facts, license_, language, name)
    source = source if source is not None else find(license_.templates, _language(language), name)
    if source is None:
        text = worded.built_in(name, language, facts)
        return Preview(own=False, written=text, spoken=text if name.is_spoken else None)
    check_template(language=language, name=name, source=source)
    try:
        shown = written(source, name, language, facts)
        said = worded.own(source, name, language, facts) if name.is_spoken else None
    except TemplateFailedError as error:
        raise InvalidValueError(f"template {name.value}", str(error)) from error
    return Preview(own=True, written=shown, spoken=said)


def sample(
    language: str, *, title: str | None = None, body: str | None = None, severity: Severity = Severity.CRITICAL
) -> Facts:
    """Return what an example alert tells, with some of it replaced; ``language`` is that of what was tried."""
    shown = "Blacklisted plate AB-1234-XY at gate 2" if title is None else title
    return Facts(
        license_name="",
        contact="Ana",
        severity=severity.value,
        title=shown,
        body="Seen 03:05 by camera 4, confidence 95%." if body is None else body,
        link=_LINK,
        by="Luis",
        titles=(shown, "Parking lot nearly full: 190/200", "Door open: server room"),
        tried=[
            tried_line(language, name=name, phone="+15550123", attempts=_attempts(outcome))
            for name, outcome in _TRIED.items()
        ],
    )


def _target(key: str, name: TemplateName) -> str:
    return f"template {name.value} in {key}"


def _attempts(outcome: CallOutcome) -> list[Attempt]:
    text = Attempt(
        id=1,
        event_id=1,
        contact_id=1,
        level=Level.TEXT,
        number=1,
        state=AttemptState.DELIVERED,
        began_at=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return [text, replace(text, id=2, level=Level.CALL, state=AttemptState.MISSED, reason=outcome.value)]


def _of_license(facts: Facts, license_: License, language: str, name: TemplateName) -> Facts:
    named = replace(facts, license_name=license_.name)
    if name is not TemplateName.VOICE_NOTE:
        return named
    return replace(named, announcement=worded.worded(license_.templates, TemplateName.CALL, language, named).text)


def _samples() -> Iterator[tuple[str, Facts]]:
    """Return alerts that a template must cope with, and what they are called."""
    usual = replace(sample("en"), license_name="Acme")
    yield "a usual alert", usual
    bare = replace(usual, body="", severity="info", by="", contact="A", tried=(), titles=("A", "B"))
    yield "an alert without a body, withdrawn by its source", bare
    yield "an alert with signs", replace(usual, title='{{ 7 }} <b>"x"</b> & *y* {% if %}', body="<!-- \n{# #}")
    long_ = "Lorem ipsum dolor "
    yield (
        "a long alert",
        Facts(
            license_name=long_ * 11,
            contact=long_ * 11,
            severity=Severity.CRITICAL.value,
            title=long_ * 27,
            body=long_ * 270,
            link=_LINK + "x" * 100,
            by=long_ * 11,
            titles=(long_ * 27,) * 12,
            tried=(long_ * 20,) * 60,
        ),
    )


def _language(tag: str) -> str:
    key = key_of(tag)
    if speakable(key) != key:
        known = ", ".join(language.tag for language in LANGUAGES)
        raise InvalidValueError("language", f"{tag!r} is none that Tocsin speaks: write one of {known}, or as in pt-BR")
    return key


def _license(work: UnitOfWork, license_id: int) -> License:
    license_ = work.licenses.get(license_id)
    if license_ is None:
        raise UnknownLicenseError(license_id)
    return license_
