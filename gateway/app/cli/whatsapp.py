"""Commands for WhatsApp's templates."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import click

from gateway.app.cli.invocation import CommandFailedError, Invocation, command, print_table
from gateway.channels.twilio.content import Approval, ContentApi, ContentError, Template
from gateway.config.schema import Config, parse_language
from gateway.config.twilio import TwilioConfig
from gateway.model.languages import LANGUAGES
from gateway.services.whatsapp_templates import TemplateText, alert_template, stand_down_template

_UNSUBMITTED = "unsubmitted"


@click.group()
def whatsapp() -> None:
    """WhatsApp's approved templates: what to have approved, and how that stands."""


@whatsapp.command("template")
@click.option(
    "--language", "languages", multiple=True, metavar="LANG", help="As in es; may be repeated.  [default: all]"
)
@click.option("--stand-down", is_flag=True, help="The stand-down's template in place of the alert's.")
@click.option("--create", is_flag=True, help="Make the templates at Twilio and ask for WhatsApp's approval.")
@command
def whatsapp_template(invocation: Invocation, *, languages: tuple[str, ...], stand_down: bool, create: bool) -> None:
    """Print the templates that Tocsin fills, as Twilio's Content API takes them, or make them there.

    A template that is there already, with the same name and text, is not made again; one that was not submitted is.

    \b
    Examples:
      tocsin whatsapp template --language es
      tocsin whatsapp template --language en --language es --create
      tocsin whatsapp template --stand-down --create
    """  # noqa: D301 - click's mark for "do not rewrap"
    config = invocation.config()
    wanted = {tag: _text(config, tag, stand_down=stand_down) for tag in _tags(languages)}
    templates = {tag: Template(**asdict(text)) for tag, text in wanted.items()}
    if not create:
        documents = [template.document() for template in templates.values()]
        invocation.answer(documents, lambda: click.echo(json.dumps(documents, indent=2, ensure_ascii=False)))
        return
    api = ContentApi(_twilio(config))
    made: list[tuple[str, Approval]] = []
    for tag, template in templates.items():
        try:
            made.append((tag, _made(api, template)))
        except ContentError as error:
            done = "".join(f"\nalready there: {tag} {approval.sid}" for tag, approval in made)
            raise CommandFailedError(f"{template.name} could not be made: {error}{done}") from error
        invocation.say(f"{template.name}: {made[-1][1].sid} {made[-1][1].status}")
    key = "stand_down_sids" if stand_down else "content_sids"
    sids = {tag: approval.sid for tag, approval in made}
    lines = ["twilio:", f"  {key}:", *(f"    {tag}: {sid}" for tag, sid in sids.items())]
    invocation.answer({key: sids}, lambda: click.echo("\n".join(lines)))


@whatsapp.command("status")
@command
def whatsapp_status(invocation: Invocation) -> None:
    """Show how the configured templates stand at WhatsApp. Only approved ones are delivered.

    \b
    Example:
      tocsin whatsapp status
    """  # noqa: D301 - click's mark for "do not rewrap"
    twilio = _twilio(invocation.config())
    api = ContentApi(twilio)
    rows: list[tuple[str, str, Approval]] = []
    for use, tag, sid in configured(twilio):
        try:
            rows.append((use, tag, api.approval(sid)))
        except ContentError as error:
            raise CommandFailedError(f"{sid} could not be looked up: {error}") from error
    columns = ("USE", "FOR", "SID", "NAME", "LANGUAGE", "CATEGORY", "STATUS", "REASON")
    table = [
        (use, tag, one.sid, one.name, one.language, one.category or None, one.status, one.reason or None)
        for use, tag, one in rows
    ]
    documents = [{"use": use, "for": tag, **asdict(one)} for use, tag, one in rows]
    empty = "no template is configured: tocsin whatsapp template --create"
    invocation.answer(documents, lambda: print_table(columns, table, empty=empty))


def configured(twilio: TwilioConfig) -> Sequence[tuple[str, str, str]]:
    """Return the configured templates: what for, for which language (``all`` for the rest), and the SID."""
    uses = [
        ("alert", twilio.content_sid, twilio.content_sids),
        ("stand-down", twilio.stand_down_sid, twilio.stand_down_sids),
    ]
    return [
        (use, tag, sid)
        for use, default, sids in uses
        for tag, sid in ([("all", default)] if default else []) + list(sids.items())
    ]


def _tags(languages: tuple[str, ...]) -> Sequence[str]:
    if not languages:
        return [language.tag for language in LANGUAGES]
    try:
        return [parse_language(language) for language in languages]
    except ValueError as error:
        raise click.UsageError(f"--language: {error}") from error


def _text(config: Config, tag: str, *, stand_down: bool) -> TemplateText:
    return stand_down_template(tag) if stand_down else alert_template(tag, public_url=config.web.public_url)


def _twilio(config: Config) -> TwilioConfig:
    if config.twilio is None:
        raise CommandFailedError("twilio is not configured: add the section with account_sid and auth_token")
    return config.twilio


def _made(api: ContentApi, template: Template) -> Approval:
    found = api.find(template)
    sid = api.create(template) if found is None else found.sid
    if found is None or found.status == _UNSUBMITTED:
        api.submit(sid, template.name)
    return api.approval(sid)
