"""``tocsin doctor``: looks at every part of an installation and says what to do about what fails."""

import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import click

from gateway.app.cli.checks import Check, CheckState, Finding, failed, off, ok, run_checks
from gateway.app.cli.checks_asterisk import NodeFindings, look_at_node
from gateway.app.cli.checks_security import security_checks
from gateway.app.cli.checks_sounds import look_at_sounds
from gateway.app.cli.checks_speech import check_prompts, check_slow_engine
from gateway.app.cli.checks_whatsapp import check_templates
from gateway.app.cli.database import schema_advice
from gateway.app.cli.invocation import CommandFailedError, Invocation, command, console
from gateway.app.secrets import SecretsError, load_secrets
from gateway.channels.telegram.owner import TelegramChannel
from gateway.channels.twilio.client import check_account
from gateway.channels.twilio.voice_api import check_voice
from gateway.config.advice_asterisk import is_loopback
from gateway.config.schema import AsteriskConfig, Config, NodeConfig
from gateway.ports.messages import ProviderCheck
from gateway.ports.record import RecordUnavailableError
from gateway.store import SchemaState, open_record, schema_state

_STYLES = {CheckState.OK: "green", CheckState.FAILED: "bold red", CheckState.OFF: "dim", CheckState.WARNING: "yellow"}
_ENGINE_SILENT_AFTER = timedelta(seconds=10)


@click.command()
@command
def doctor(invocation: Invocation) -> None:
    """Check database, engine, Asterisk, trunks, dialplan, speech, Twilio, Telegram and security.

    Every failure comes with what to do about it. What works and makes an attack easier is a "warning". Parts that
    are not configured are "off". Nothing is sent and nobody is called. Exit status 1 where anything failed.

    \b
    Examples:
      tocsin doctor
      tocsin doctor --json
    """  # noqa: D301 - click's mark for "do not rewrap"
    loaded = invocation.load()
    found = run_checks(checks(loaded.config, loaded.file))
    broken = [check.name for check, finding in found if finding.state is CheckState.FAILED]
    document = [
        {"name": check.name, "state": finding.state.value, "detail": finding.detail, "advice": finding.advice}
        for check, finding in found
    ]
    message = f"{len(broken)} of {len(found)} checks failed: {', '.join(broken)}"
    if invocation.as_json and broken:
        raise CommandFailedError(message, code="checks_failed", detail={"checks": document})
    invocation.answer({"ok": True, "checks": document}, lambda: _show(found))
    if broken:
        raise CommandFailedError(message)


def checks(config: Config, file: Path | None = None) -> list[Check]:
    """Return every check that this configuration, read from that file, calls for."""
    return [
        Check("database", lambda: _database(config)),
        Check("schema", lambda: _schema(config)),
        Check("engine", lambda: _engine(config)),
        Check("secrets", lambda: _secrets(config)),
        *_asterisk_checks(config),
        Check("speech", lambda: check_prompts(config, {"en", *_languages(config)})),
        *_slow_engine_checks(config),
        Check("twilio", lambda: _twilio(config)),
        Check("twilio voice", lambda: _twilio_voice(config)),
        Check("whatsapp templates", lambda: check_templates(config)),
        Check("telegram", lambda: _telegram(config)),
        *security_checks(config, file),
    ]


def _database(config: Config) -> Finding:
    if schema_state(config.database_url) is SchemaState.BEHIND:
        return off("not looked at: the schema comes first")
    record = open_record(config.database_url, pool_size=1)
    try:
        record.check()
    except RecordUnavailableError as error:
        return failed(str(error), "check database_url, that its server runs, and that the disk is not full")
    finally:
        record.close()
    return ok("an alert can be recorded")


def _schema(config: Config) -> Finding:
    state = schema_state(config.database_url)
    if state is SchemaState.CURRENT:
        return ok("up to date")
    problem, _, advice = schema_advice(state).partition(": ")
    return failed(problem, advice)


def _engine(config: Config) -> Finding:
    if schema_state(config.database_url) is not SchemaState.CURRENT:
        return off("not looked at: the database comes first")
    record = open_record(config.database_url, pool_size=1)
    try:
        with record.read() as work:
            beats = work.heartbeats.latest()
    finally:
        record.close()
    if any(datetime.now(UTC) - beat.at < _ENGINE_SILENT_AFTER for beat in beats):
        return ok("running")
    return failed("not running: alerts are recorded and nobody is told", "start tocsin serve, or tocsin engine")


def _secrets(config: Config) -> Finding:
    try:
        load_secrets(config)
    except SecretsError as error:
        return failed(str(error), f"make {config.var_dir} writable for the user who runs the gateway")
    return ok("at hand")


def _slow_engine_checks(config: Config) -> list[Check]:
    engine = config.tts.engine
    return [] if engine == "espeak" else [Check(f"speech {engine}", lambda: check_slow_engine(config))]


def _asterisk_checks(config: Config) -> list[Check]:
    section = config.asterisk
    if section is None or not section.nodes:
        return [Check("asterisk", lambda: off("not configured: phone calls are skipped"))]
    return [
        check
        for node in section.nodes
        for check in _node_checks(config, node, section, _Once(_look_at(config, section, node)))
    ]


def _node_checks(config: Config, node: NodeConfig, section: AsteriskConfig, look: "_Once") -> list[Check]:
    trunks = [trunk.name for trunk in section.trunks if trunk.node == node.name]
    return [
        Check(f"asterisk {node.name}", lambda: look().ami),
        Check(f"dialplan {node.name}", lambda: look().dialplan),
        Check(f"sip {node.name}", lambda: look().sip),
        *(Check(f"trunk {name}", _trunk_look(look, index)) for index, name in enumerate(trunks)),
        Check(f"sounds {node.name}", lambda: _sounds(config, node)),
    ]


def _trunk_look(look: "_Once", index: int) -> Callable[[], Finding]:
    return lambda: look().trunks[index]


def _look_at(config: Config, section: AsteriskConfig, node: NodeConfig) -> Callable[[], NodeFindings]:
    return lambda: look_at_node(section, node, load_secrets(config).ami_secrets[node.name])


class _Once:
    """Looks at a node for the first check that asks, and tells the others the same."""

    def __init__(self, look: Callable[[], NodeFindings]) -> None:
        self._look = look
        self._turn = threading.Lock()
        self._findings: NodeFindings | None = None

    def __call__(self) -> NodeFindings:
        with self._turn:
            if self._findings is None:
                self._findings = self._look()
            return self._findings


def _sounds(config: Config, node: NodeConfig) -> Finding:
    if node.sounds == "http":
        return look_at_sounds(node, load_secrets(config).ami_secrets[node.name])
    directory = node.sounds_dir
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return failed(f"{directory}: {error.strerror}", "make it, or name another one as sounds_dir of the node")
    if not os.access(directory, os.W_OK | os.X_OK):
        return failed(f"{directory} cannot be written", "give it to the user who runs the engine; Asterisk reads it")
    return ok(f"{directory} can be written")


def _languages(config: Config) -> set[str]:
    """Return the languages that licenses and contacts use, as far as the database can be read."""
    if schema_state(config.database_url) is not SchemaState.CURRENT:
        return set()
    record = open_record(config.database_url, pool_size=1)
    try:
        with record.read() as work:
            licenses = work.licenses.list()
            contacts = [contact for one in licenses for contact in work.contacts.of_license(one.id)]
    finally:
        record.close()
    return {one.language for one in licenses} | {contact.language for contact in contacts}


def _twilio(config: Config) -> Finding:
    if config.twilio is None:
        return off("not configured: WhatsApp is skipped")
    return _provider(check_account(config.twilio), "check account_sid, auth_token and api_base, and Twilio's console")


def _twilio_voice(config: Config) -> Finding:
    if config.twilio is None or config.twilio.voice_from is None:
        return off("not configured: no call goes through Twilio when every trunk is in trouble")
    if is_loopback(urlsplit(config.web.public_url).hostname or ""):
        return failed(
            f"Twilio cannot ask {config.web.public_url} what a call says",
            "set web.public_url to the https:// address under which Twilio reaches this gateway",
        )
    return _provider(check_voice(config.twilio), "set twilio.voice_from to a number of yours in Twilio's console")


def _telegram(config: Config) -> Finding:
    if config.telegram is None:
        return off("not configured: owners are not told when everyone failed")
    found = TelegramChannel(config.telegram).check()
    if found.ok and (trouble := _engine_trouble(config, "telegram")) is not None:
        # Only the engine can know: who else asks for the bot's updates takes them away from it.
        return failed(trouble, "the engine says so: docs/telegram.md tells what to do about it")
    return _provider(found, "check bot_token and api_base, and @BotFather; docs/telegram.md tells how it is set up")


def _engine_trouble(config: Config, part: str) -> str | None:
    """Return what a running engine says is wrong with one of its parts."""
    if schema_state(config.database_url) is not SchemaState.CURRENT:
        return None
    record = open_record(config.database_url, pool_size=1)
    try:
        with record.read() as work:
            beats = work.heartbeats.latest()
    finally:
        record.close()
    alive = (beat for beat in beats if datetime.now(UTC) - beat.at < _ENGINE_SILENT_AFTER)
    states = (beat.parts.get(part, "ok") for beat in alive)
    return next((state for state in states if not state.startswith("ok")), None)


def _provider(found: ProviderCheck, advice: str) -> Finding:
    return ok(found.detail) if found.ok else failed(found.detail, advice)


def _show(found: Sequence[tuple[Check, Finding]]) -> None:
    out = console()
    width = max(len(check.name) for check, _ in found)
    for check, finding in found:
        out.print(f"{finding.state.value:<7}", style=_STYLES[finding.state], end="")
        out.print(f" {check.name:<{width}}  {finding.detail}")
        if finding.advice:
            out.print(f"{'':<{width + 10}}{finding.advice}", style="yellow")
