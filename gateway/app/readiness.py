"""How the parts of the gateway are, for ``/readyz``: what this process sees, and what the engine says of itself."""

from collections.abc import Sequence
from datetime import datetime

from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.phone import TWILIO
from gateway.ports.record import Heartbeat, Record, RecordUnavailableError
from gateway.services.trunk_board import ENGINE_SILENT_AFTER, UNKNOWN_WORDS, condition_of, lines_now
from gateway.store.schema import SchemaState, schema_state
from gateway.wording.catalogues import marked
from web.services import Part, PartState


def parts_of(config: Config, record: Record, clock: Clock) -> Sequence[Part]:
    """Look at the parts now. Only database and schema are needed to take alerts."""
    try:
        record.check()
    except RecordUnavailableError as error:
        return _record_parts(schema_state(config.database_url), str(error))
    parts = _record_parts(SchemaState.CURRENT, None)
    with record.read() as work:
        heartbeats = work.heartbeats.latest()
    return parts + _engine_parts(heartbeats, clock.now()) + _trunk_parts(config, heartbeats, clock.now())


def _record_parts(schema: SchemaState, error: str | None) -> list[Part]:
    """Say what is wrong with the record: the database itself, or the schema in it."""
    if schema in {SchemaState.BEHIND, SchemaState.AHEAD}:
        advice = "run `tocsin migrate`" if schema is SchemaState.BEHIND else "a newer version has migrated it"
        return [Part(name="schema", state=PartState.DOWN, detail=f"{schema.value}: {advice}", needed=True)]
    if error is not None:
        return [Part(name="database", state=PartState.DOWN, detail=error, needed=True)]
    return [
        Part(name="database", state=PartState.OK, detail=marked("can be written"), needed=True),
        Part(name="schema", state=PartState.OK, detail=marked("up to date"), needed=True),
    ]


def _engine_parts(heartbeats: Sequence[Heartbeat], now: datetime) -> list[Part]:
    alive = [beat for beat in heartbeats if now - beat.at < ENGINE_SILENT_AFTER]
    if not alive:
        detail = marked("not running: alerts are taken and wait for it; start `tocsin serve` or `tocsin engine`")
        return [Part(name="engine", state=PartState.DOWN, detail=detail)]
    parts = [Part(name="engine", state=PartState.OK, detail=marked("running"))]
    for beat in alive:
        for name, detail in beat.parts.items():
            well = detail.startswith("ok")
            parts.append(Part(name=name, state=PartState.OK if well else PartState.DEGRADED, detail=detail))
    return parts


def _trunk_parts(config: Config, heartbeats: Sequence[Heartbeat], now: datetime) -> list[Part]:
    """Say how the trunks are, as the engine last said; what nobody has said of late is not known, and no good sign.

    An engine that has just been started has not looked at its lines yet: then nothing is said.
    """
    lines = lines_now(heartbeats, now)
    if lines is not None:
        found = [(state.trunk, condition_of(state)) for state in lines.trunks]
        return [
            Part(
                name=f"trunk {trunk}",
                state=PartState.DEGRADED if condition.is_trouble else PartState.OK,
                detail=condition.words,
            )
            for trunk, condition in found
        ]
    if any(now - beat.at < ENGINE_SILENT_AFTER for beat in heartbeats):
        return []
    return [Part(name=f"trunk {name}", state=PartState.DEGRADED, detail=UNKNOWN_WORDS) for name in _trunks(config)]


def _trunks(config: Config) -> list[str]:
    names = [trunk.name for trunk in config.asterisk.trunks] if config.asterisk is not None else []
    if config.twilio is not None and config.twilio.voice_from is not None:
        names.append(TWILIO)
    return names
