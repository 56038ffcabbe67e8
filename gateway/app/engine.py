"""The engine process: actors, timers, phone. It can be killed at any point; what it was doing is on record."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pykka
import structlog

from actors.agenda import Agenda
from actors.auditor import AuditorActor
from actors.backlog import CatchUp
from actors.clerk import ClerkActor
from actors.dispatcher import DispatcherActor
from actors.event import EventActor, tell_if_alive
from actors.line_messages import TellLines
from actors.messages import Audit, LookForSignals, PhoneReported, TakeUpEverything
from actors.pool import ActorPool
from actors.switchboard import SwitchboardActor
from actors.timers import Timers
from actors.trial_contact import TrialContactActor
from actors.workers import AnnouncerBooth, CourierOutbox
from gateway.app.bootstrap import (
    build_channels,
    build_record,
    link_url,
    media_url,
    status_url,
)
from gateway.app.clock import SteadyClock
from gateway.app.housekeeping import Housekeeping
from gateway.app.owners import OWNER_THREADS, Owners
from gateway.app.phone_systems import PhoneSystems
from gateway.app.pulse import Pulse
from gateway.app.secrets import load_secrets
from gateway.app.speech import build_speech
from gateway.app.switching import build_lines, trunk_limits
from gateway.app.trials import Trials
from gateway.channels.no_phone import NoPhone
from gateway.config.schema import Config
from gateway.metrics import NODE_CONNECTIONS
from gateway.metrics.committed import CommitMeter
from gateway.metrics.speech import SpeechMeter
from gateway.model.attempt import Level
from gateway.ports.heartbeats import LinesState
from gateway.ports.messages import NotificationChannel
from gateway.ports.phone import Phone, PhoneNodeDown, PhoneNodeUp, PhoneReport, Prompt
from gateway.ports.record import Record
from gateway.ports.speech import Speech
from gateway.services.announce import Announcer
from gateway.services.call_safety import CallGuard
from gateway.services.deliver import Courier
from gateway.services.quota import VoiceQuota
from gateway.store.wakeup import make_wakeup_listener
from gateway.tts.prompts import render_prompts

log = structlog.get_logger(__name__)

_LOOK_EVERY = timedelta(seconds=1)
_STOP_SECONDS = 15.0


class Engine:
    """Everything that runs in the engine process. ``stop`` is the exact reverse of ``start``.

    ``channels``, ``speech`` and ``phone`` stand in for the configured ones, for whoever embeds the engine.
    """

    def __init__(
        self,
        config: Config,
        *,
        on_broken: Any = None,
        channels: Mapping[Level, NotificationChannel] | None = None,
        speech: Speech | None = None,
        phone: Phone | None = None,
    ) -> None:
        self.broken = False
        self._config = config
        self._on_broken = on_broken
        self._closing = threading.Event()
        self._clock = SteadyClock()
        self._secrets = load_secrets(config)
        threads = config.engine.actor_threads + config.engine.io_threads + OWNER_THREADS
        self._record = build_record(config, pool_size=threads, observer=CommitMeter(self._clock.now))
        self._own_speech = None if speech is not None else build_speech(config, meter=SpeechMeter())
        self._speech: Speech = speech if speech is not None else self._speech_built()
        self._hurried_speech: Speech = self._speech if self._own_speech is None else self._own_speech.hurried
        self._channels = channels if channels is not None else build_channels(config, self._closing)
        self._systems = PhoneSystems(
            config,
            self._secrets,
            record=self._record,
            listener=self._phone_reported,
            clock=self._clock,
            trunk_listener=self._tell_switchboard,
        )
        self._phone = phone if phone is not None else self._systems.phone
        self._own_phone = phone is None and self._systems.any
        self._pool = ActorPool(threads=config.engine.actor_threads)
        self._timers = Timers()
        self._executor = ThreadPoolExecutor(config.engine.io_threads, thread_name_prefix="io")
        self._quota = VoiceQuota(config.tiers)
        self._call_caps = config.call_caps.caps()
        self._guard = CallGuard(config.call_safety.safety())
        self._courier = Courier(
            record=self._record,
            clock=self._clock,
            channels=self._channels,
            phone_configured=not isinstance(self._phone, NoPhone),
            speech=self._speech,
            link_url=link_url(config, self._secrets),
            media_url=media_url(config, self._secrets),
            status_url=status_url(config),
            quota=self._quota,
        )
        self._owners = Owners(
            config,
            channel=self._channels.get(Level.OWNER),
            record=self._record,
            clock=self._clock,
            pool=self._pool,
            timers=self._timers,
            courier=self._courier,
            link_url=link_url(config, self._secrets),
            dispatcher=self._tell,
        )
        self._announcer = Announcer(
            record=self._record,
            clock=self._clock,
            phone=self._phone,
            speech=self._speech,
            prompts=self._prompts,
            hurried_speech=self._hurried_speech,
            call_caps=self._call_caps,
            guard=self._guard,
        )
        self._trials = Trials(
            config,
            pool=self._pool,
            record=self._record,
            clock=self._clock,
            timers=self._timers,
            executor=self._executor,
            dispatcher=self._tell,
            channel=self._channels.get(Level.TEXT),
            phone=self._phone,
            speech=self._hurried_speech,
            prompts=self._prompts,
            quota=self._quota,
            guard=self._guard,
        )
        self._switchboard: pykka.ActorRef[SwitchboardActor] | None = None
        self._lines_state: LinesState | None = None
        self._dispatcher: pykka.ActorRef[DispatcherActor] | None = None
        self._clerk: pykka.ActorRef[ClerkActor] | None = None
        self._auditor: pykka.ActorRef[AuditorActor] | None = None
        self._agenda = Agenda()
        self._listener = make_wakeup_listener(config.database_url)
        self._listening = threading.Thread(target=self._listen, name="wakeup")
        self._housekeeping = Housekeeping(
            record=self._record,
            clock=self._clock,
            timers=self._timers,
            executor=self._executor,
            quota=self._quota,
            prompts=self._prompts,
            prune=None if self._own_speech is None else self._own_speech.prune,
        )
        self._pulse = Pulse(
            config.engine,
            record=self._record,
            clock=self._clock,
            timers=self._timers,
            executor=self._executor,
            audit=lambda: self._tell_auditor(Audit()),
            parts=self._parts,
            lines=self._look_at_lines,
        )

    @property
    def record(self) -> Record:
        """The record that this engine works on."""
        return self._record

    def start(self) -> None:
        """Take up every escalation that is not finished, and look for new ones from now on."""
        outbox = CourierOutbox(
            executor=self._executor,
            courier=self._courier,
            dispatcher=self._tell,
            timers=self._timers,
            owner=self._owners.tell,
        )
        booth = AnnouncerBooth(executor=self._executor, announcer=self._announcer, dispatcher=self._tell)
        shared: dict[str, Any] = {
            "pool": self._pool,
            "record": self._record,
            "clock": self._clock,
            "timers": self._timers,
        }
        actors: dict[str, Any] = shared | {"dispatcher": self._tell}
        settings = self._config.engine
        self._clerk = ClerkActor.start(
            **shared,
            refusals=self._courier,
            on_broken=self._break,
            agenda=self._agenda,
            catch_up=CatchUp(at_once=settings.catch_up_at_once, per_second=settings.catch_up_rate),
        )
        self._switchboard = SwitchboardActor.start(
            **shared,
            lines=build_lines(self._config, phone=self._phone, clock=self._clock),
            trunks=[limits.name for limits in trunk_limits(self._config)],
            on_broken=self._break,
            on_told=self._take_lines_state,
        )
        event_actors = {name: each for name, each in actors.items() if name != "record"} | {"agenda": self._agenda}
        self._dispatcher = DispatcherActor.start(
            **shared,
            phone=self._phone,
            new_event_actor=lambda event_id, surveyed: EventActor.start(
                event_id=event_id, surveyed=surveyed, clerk=self._tell_clerk, outbox=outbox, **event_actors
            ),
            new_contact_actor=lambda contact_id: TrialContactActor.start(
                contact_id=contact_id,
                phone=self._phone,
                booth=booth,
                quota=self._quota,
                call_caps=self._call_caps,
                guard=self._guard,
                switchboard=self._tell_switchboard,
                line_wait=self._config.lines.wait,
                **self._trials.for_contacts,
                **actors,
            ),
            on_broken=self._break,
            on_taken_up=self._housekeeping.tidy,
            auditor=self._tell_auditor,
        )
        self._auditor = AuditorActor.start(
            pool=self._pool,
            record=self._record,
            clock=self._clock,
            phone=self._phone,
            agenda=self._agenda,
            dispatcher=self._tell,
            on_result=self._pulse.audited,
        )
        self._trials.start()
        if self._own_speech is not None:
            self._own_speech.warm()
        self._owners.start()
        self._tell(TakeUpEverything())
        if self._own_phone:
            self._systems.start()
            self._executor.submit(self._housekeeping.render_prompts)
        self._housekeeping.prune_audio()
        self._listening.start()
        self._pulse.start()
        log.info("engine_started")

    def stop(self) -> None:
        """Stop. Calls in progress go on in Asterisk and are taken up by the next engine."""
        log.info("engine_stopping")
        self._closing.set()
        self._listener.close()
        self._listening.join()
        self._pulse.stop()
        self._timers.stop()
        self._owners.stop()
        # What is being sent is let finish and recorded; what has not begun is begun by the next engine.
        self._executor.shutdown(wait=True, cancel_futures=True)
        if not self._pool.stop(_STOP_SECONDS):
            log.warning("actors_did_not_stop_in_time")
        if self._own_phone:
            self._systems.stop()
        if self._own_speech is not None:
            self._own_speech.stop()
        self._record.close()
        log.info("engine_stopped")

    def _speech_built(self) -> Speech:
        if self._own_speech is None:
            raise RuntimeError("speech is neither given nor built")
        return self._own_speech

    def _phone_reported(self, report: PhoneReport) -> None:
        if isinstance(report, PhoneNodeUp | PhoneNodeDown):
            NODE_CONNECTIONS.labels(report.node, "made" if isinstance(report, PhoneNodeUp) else "lost").inc()
        self._tell(PhoneReported(report))

    def _tell(self, message: object) -> None:
        if self._dispatcher is not None:
            tell_if_alive(self._dispatcher, message)

    def _tell_clerk(self, message: object) -> None:
        if self._clerk is not None:
            tell_if_alive(self._clerk, message)

    def _tell_switchboard(self, message: object) -> None:
        if self._switchboard is not None:
            tell_if_alive(self._switchboard, message)

    def _take_lines_state(self, state: LinesState) -> None:
        self._lines_state = state

    def _look_at_lines(self) -> LinesState | None:
        """Return how the lines were when they were last looked at, and have them looked at for the next time."""
        self._tell_switchboard(TellLines())
        return self._lines_state

    def _tell_auditor(self, message: object) -> None:
        if self._auditor is not None:
            tell_if_alive(self._auditor, message)

    def _prompts(self, language: str) -> Mapping[Prompt, Path]:
        return render_prompts(self._hurried_speech, language)

    def _parts(self) -> dict[str, str]:
        nodes = {f"asterisk {node}": state for node, state in (self._systems.nodes() if self._own_phone else ())}
        states = self._own_speech.states() if self._own_speech is not None else {}
        return nodes | {f"speech {engine}": state for engine, state in states.items()} | dict(self._owners.parts())

    def _break(self) -> None:
        self.broken = True
        if self._on_broken is not None:
            self._on_broken()

    def _listen(self) -> None:
        while not self._closing.is_set():
            self._listener.wait(_LOOK_EVERY)
            self._tell(LookForSignals())
            self._trials.look()
