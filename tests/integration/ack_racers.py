"""Those who acknowledge one alert at one moment, each in a process of its own and by a way of its own."""

import json
import multiprocessing
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from threading import BrokenBarrierError, Event
from typing import Any, Protocol, Self

from click.testing import CliRunner
from flask.testing import FlaskClient
from twilio.request_validator import RequestValidator

from gateway.app.bootstrap import build_web_services
from gateway.app.cli.root import tocsin
from gateway.config.loader import load
from gateway.config.schema import Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.services import keys, last_words
from gateway.services.acknowledge import AckResult, acknowledge
from gateway.store import SqlRecord
from web import create_app

PATIENCE = 60.0
PROVIDER_ID = "SM{event_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """What a round is about. The callee's leg announces both; ``first`` is the one that all six acknowledge."""

    first: int
    second: int
    link: str
    call_id: str
    number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What somebody was told of one event. ``via`` is ``None`` where their way does not say by which means."""

    event_id: int
    mine: bool
    by: str
    via: str | None = None


class Desk:
    """One way of acknowledging, on a configuration of its own reading."""

    def __init__(self, way: str, file: Path) -> None:
        self._file = file
        self._config: Config = load(file, {})
        services = build_web_services(self._config)
        assert isinstance(services.record, SqlRecord)
        self._record = services.record
        self._client: FlaskClient = create_app(services).test_client()
        self._act: Callable[[Alerts], list[Told]] = getattr(self, f"_by_{way}")

    def act(self, alerts: Alerts) -> list[Told]:
        return self._act(alerts)

    def close(self) -> None:
        self._record.close()

    def _by_link(self, alerts: Alerts) -> list[Told]:
        page = self._client.post(alerts.link).get_data(as_text=True)
        mine = 'data-state="mine"' in page
        # Whoever has it is the only name in the part of the page that tells the alert's state.
        found = re.search(r"<span dir[^>]*>([^<]+)</span>", page.partition("data-state=")[2])
        assert found is not None, page
        return [Told(event_id=alerts.first, mine=mine, by=found[1])]

    def _by_reply(self, alerts: Alerts) -> list[Told]:
        assert self._config.twilio is not None
        form = {"From": f"whatsapp:{alerts.number}", "Body": "1", "MessageSid": f"SM-reply-{alerts.first}"}
        form["OriginalRepliedMessageSid"] = PROVIDER_ID.format(event_id=alerts.first)
        path = "/twilio/whatsapp/inbound"
        validator = RequestValidator(self._config.twilio.auth_token.get_secret_value())
        signature = validator.compute_signature(self._config.web.public_url + path, form)
        answer = self._client.post(path, data=form, headers={"X-Twilio-Signature": signature})
        words = answer.get_data(as_text=True)
        if re.search("Acknowledged, you have it|usted se encarga", words):
            return [Told(event_id=alerts.first, mine=True, by="Cem", via="reply")]
        found = re.search(r"<Message>(.+?) (?:already has it|ya se encarga)", words)
        assert found is not None, words
        return [Told(event_id=alerts.first, mine=False, by=found[1])]

    def _by_key(self, alerts: Alerts) -> list[Told]:
        pressed = keys.press_key(self._record, call_id=alerts.call_id, digit="1", sequence=1, at=datetime.now(UTC))
        spoken = last_words.after_key("en", pressed.acknowledged)
        others = [result.by for result in pressed.acknowledged if not result.first]
        assert len(others) < len(pressed.acknowledged) or str(others[0]) in spoken
        return _told(pressed.acknowledged)

    def _by_admin(self, alerts: Alerts) -> list[Told]:
        return self._acknowledge([alerts.second, alerts.first], "Dana", AcknowledgedVia.ADMIN)

    def _by_api(self, alerts: Alerts) -> list[Told]:
        return self._acknowledge([alerts.first, alerts.second], "Eve", AcknowledgedVia.API)

    def _by_command(self, alerts: Alerts) -> list[Told]:
        arguments = ["event", "ack", str(alerts.first), "--by", "Finn", "--json", "-c", str(self._file)]
        ran = CliRunner().invoke(tocsin, arguments, prog_name="tocsin")
        assert ran.exit_code == 0, ran.output
        answer: Mapping[str, Any] = json.loads(ran.stdout)
        by, via = answer["acknowledged_by"], answer["acknowledged_via"]
        return [Told(event_id=answer["id"], mine=answer["first"], by=by, via=via)]

    def _acknowledge(self, event_ids: list[int], by: str, via: AcknowledgedVia) -> list[Told]:
        now = datetime.now(UTC)
        return _told(acknowledge(self._record, event_ids=event_ids, contact_id=None, by=by, via=via, at=now))


def _told(results: tuple[AckResult, ...]) -> list[Told]:
    return [Told(event_id=r.event_id, mine=r.first, by=r.by or "", via=r.via) for r in results]


WAYS = ("link", "reply", "key", "admin", "api", "command")


class Barrier(Protocol):
    """The part of ``multiprocessing.Barrier`` that is used."""

    def wait(self, timeout: float | None = None) -> int: ...

    def abort(self) -> None: ...


class Racers:
    """Six processes, one for each way, that wait for a file and then for rounds."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._barrier: Barrier = context.Barrier(len(WAYS))
        self._ends: dict[str, Connection] = {}
        self._processes: list[BaseProcess] = []
        for way in WAYS:
            mine, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(way, theirs, self._barrier), daemon=True)
            process.start()
            theirs.close()
            self._ends[way] = mine
            self._processes.append(process)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._barrier.abort()
        for end in self._ends.values():
            end.close()
        for process in self._processes:
            process.join(PATIENCE)

    def sit_down(self, file: Path) -> None:
        """Have all of them read that configuration, and wait until they have."""
        for end in self._ends.values():
            end.send(file)
        assert self._answers() == dict.fromkeys(WAYS, "ready")

    def race(self, alerts: Alerts, delays: Mapping[str, float]) -> dict[str, list[Told]]:
        """Have all of them acknowledge, from one moment on, each after its delay; return what each was told."""
        for way, end in self._ends.items():
            end.send((alerts, delays.get(way, 0.0)))
        return self._answers()

    def _answers(self) -> dict[str, Any]:
        """Return everybody's answer. All are fetched before one is looked at: none is left for the next question."""
        for way in WAYS:
            assert self._ends[way].poll(PATIENCE), f"{way}: no answer"
        answers = {way: self._ends[way].recv() for way in WAYS}
        for way, answer in answers.items():
            assert not isinstance(answer, Exception), f"{way}: {answer!r}"
        return answers


def _serve(way: str, end: Connection, barrier: Barrier) -> None:
    desk: Desk | None = None
    pause = Event()
    while True:
        try:
            asked = end.recv()
        except EOFError:
            break
        try:
            if isinstance(asked, Path):
                if desk is not None:
                    desk.close()
                desk = Desk(way, asked)
                end.send("ready")
                continue
            alerts, delay = asked
            barrier.wait(PATIENCE)
            pause.wait(delay)
            assert desk is not None
            end.send(desk.act(alerts))
        except BrokenBarrierError:
            break
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is told
            end.send(RuntimeError(f"{type(error).__name__}: {error}"))
