"""``/admin/licenses/<id>/templates``: a license's own words, tried before they are kept."""

from flask import abort, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, SubmitField, TextAreaField
from wtforms.validators import Length, Optional

from gateway.config.schema import parse_language
from gateway.model.event import Severity
from gateway.model.languages import speakable
from gateway.model.license import License
from gateway.model.user import Role
from gateway.ports.speech import AudioFormat, SpeechError
from gateway.services import templates
from gateway.services.exceptions import InvalidValueError
from gateway.services.templates import Preview
from gateway.wording.sandbox import FILTERS
from gateway.wording.templates import VARIABLES, TemplateName, key_of
from web.admin import access
from web.admin.forms import choices
from web.admin.licenses import template_words
from web.admin.licenses.views import blueprint, visible_license
from web.admin.sources.forms import SEVERITIES
from web.admin.speech_languages import language_name
from web.services import admin_services, services

_ALL = "/<int:license_id>/templates"
_ONE = f"{_ALL}/<language>/<name>"


class TemplateForm(FlaskForm):
    """A template, and the alert that it is tried with; the service says what is wrong with either."""

    source = TextAreaField(render_kw={"rows": 10, "spellcheck": "true"})
    title = StringField(validators=[Optional(), Length(max=500)], render_kw={"autocomplete": "off"})
    body = TextAreaField(validators=[Optional(), Length(max=5000)], render_kw={"rows": 2})
    severity = SelectField(
        choices=choices((one.value, words) for one, words in SEVERITIES.items()), default=Severity.CRITICAL.value
    )
    submit = SubmitField()

    @property
    def template(self) -> str:
        """The template with the line ends of everybody but browsers."""
        return (self.source.data or "").replace("\r\n", "\n").rstrip()


@blueprint.get(_ALL)
@access.open_to(Role.ADMIN)
def choose_template(license_id: int) -> ResponseReturnValue:
    """Lead to the message that was chosen."""
    name, language = _named(request.args.get("name", "")), _spoken(request.args.get("language", ""))
    visible_license(license_id)
    return redirect(url_for("admin.licenses.edit_template", license_id=license_id, language=language, name=name.value))


@blueprint.get(_ONE)
@access.open_to(Role.ADMIN)
def edit_template(license_id: int, language: str, name: str) -> str:
    """Show a message for changes, with what it makes of an example."""
    license_, key, which = visible_license(license_id), _spoken(language), _named(name)
    form = TemplateForm(formdata=None)
    example = templates.sample(key)
    form.source.data = _own(license_, key, which)
    form.title.data, form.body.data = example.title, example.body
    return _page(license_, key, which, form)


@blueprint.post(_ONE)
@access.open_to(Role.ADMIN)
def save_template(license_id: int, language: str, name: str) -> ResponseReturnValue:
    """Keep a template, or show what it makes of the example where that is all that was asked for."""
    license_, key, which, there = visible_license(license_id), _spoken(language), _named(name), services()
    form = TemplateForm()
    if "preview" in request.form or not form.validate_on_submit():
        return _page(license_, key, which, form)
    if not form.template:
        form.source.errors = [_("It is empty. To return to the built-in words, remove the template.")]
        return _page(license_, key, which, form), 400
    try:
        templates.set_template(
            there.record,
            license_id,
            language=key,
            name=which,
            source=form.template,
            at=there.clock.now(),
            by=access.actor(),
        )
    except InvalidValueError as error:
        form.source.errors = [_said(error)]
        return _page(license_, key, which, form), 400
    flash(_("Saved. Alerts from now on are told by it."), "success")
    return redirect(url_for("admin.licenses.show", license_id=license_id, _anchor="wording"))


@blueprint.post(_ONE + "/preview")
@access.open_to(Role.ADMIN)
def preview_template(license_id: int, language: str, name: str) -> ResponseReturnValue:
    """Return what a template makes of the example, as JSON."""
    license_, key, which, form = visible_license(license_id), _spoken(language), _named(name), TemplateForm()
    shown, problem = _tried(license_, key, which, form)
    if shown is None:
        return jsonify(problem=problem)
    return jsonify(problem=None, own=shown.own, written=shown.written, spoken=shown.spoken)


@blueprint.post(_ONE + "/audio")
@access.open_to(Role.ADMIN)
def speak_template(license_id: int, language: str, name: str) -> ResponseReturnValue:
    """Say what a template makes of the example, as a phone would."""
    license_, key, which, form = visible_license(license_id), _spoken(language), _named(name), TemplateForm()
    shown, problem = _tried(license_, key, which, form)
    speech = admin_services().speech
    if shown is None or shown.spoken is None or speech is None:
        return (problem or _("Nobody speaks this message.")), 400, {"Content-Type": "text/plain; charset=utf-8"}
    try:
        said = speech.render(shown.spoken, language=parse_language(key), audio_format=AudioFormat.PHONE)
    except SpeechError as error:
        return str(error), 503, {"Content-Type": "text/plain; charset=utf-8"}
    return send_file(said.path.resolve(), mimetype="audio/wav", max_age=0)


@blueprint.post(_ONE + "/remove")
@access.open_to(Role.ADMIN)
def remove_template(license_id: int, language: str, name: str) -> ResponseReturnValue:
    """Return to the built-in words."""
    visible_license(license_id)
    key, which, there = _spoken(language), _named(name), services()
    templates.remove_template(
        there.record, license_id, language=key, name=which, at=there.clock.now(), by=access.actor()
    )
    flash(_("Removed. Alerts from now on are told in the built-in words."), "success")
    return redirect(url_for("admin.licenses.show", license_id=license_id, _anchor="wording"))


def _page(license_: License, key: str, name: TemplateName, form: TemplateForm) -> str:
    shown, problem = _tried(license_, key, name, form)
    if problem is not None and not form.source.errors:
        form.source.errors = [problem]
    return render_template(
        "admin/licenses/template.html",
        license=license_,
        key=key,
        name=name,
        words=template_words.NAMES[name],
        language=language_name(parse_language(key)),
        form=form,
        shown=shown,
        variables=[(variable, template_words.VARIABLES[variable]) for variable in VARIABLES[name]],
        lists=[variable for variable, is_list in VARIABLES[name].items() if is_list],
        filters=sorted(FILTERS),
        own=_own(license_, key, name) is not None,
        can_speak=admin_services().speech is not None and name.is_spoken,
    )


def _tried(
    license_: License, key: str, name: TemplateName, form: TemplateForm
) -> tuple[Preview, None] | tuple[None, str]:
    """Return what a template makes of the example; where it makes nothing, why."""
    known = {one.value for one in Severity}
    severity = Severity(form.severity.data) if form.severity.data in known else Severity.CRITICAL
    facts = templates.sample(key, title=form.title.data or None, body=form.body.data or "", severity=severity)
    if not form.template and _own(license_, key, name) is not None:
        return None, _("It is empty. To return to the built-in words, remove the template.")
    try:
        return (
            templates.preview(
                services().record,
                license_.id,
                language=key,
                name=name,
                source=form.template or None,
                facts=facts,
            ),
            None,
        )
    except InvalidValueError as error:
        return None, _said(error)


def _own(license_: License, key: str, name: TemplateName) -> str | None:
    return license_.templates.get(key, {}).get(name.value)


def _said(error: InvalidValueError) -> str:
    return str(error).partition(": ")[2]


def _named(name: str) -> TemplateName:
    try:
        return TemplateName(name)
    except ValueError:
        abort(404)


def _spoken(language: str) -> str:
    """Return the key of a language that messages can be in, or answer 404."""
    key = key_of(language)
    return key if speakable(key) == key else abort(404)
