"""An engine, composed as the product composes its own. It alone knows what the actors' constructors take."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from actors.agenda import Agenda
from actors.auditor import AuditorActor, AuditResult
from actors.clerk import ClerkActor
from actors.dispatcher import DispatcherActor
from actors.event import EventActor, tell_if_alive
from actors.messages import Audit, LookForTrials, TakeUpEverything
from actors.switchboard import SwitchboardActor
from actors.trial_contact import TrialContactActor
from actors.trials import TrialsActor
from actors.workers import AnnouncerBooth, CourierOutbox, TrialAnnouncerBooth
from gateway.config.schema import Config
from gateway.model.attempt import Level
from gateway.model.call_safety import LineRules
from gateway.services.announce import Announcer
from gateway.services.deliver import Courier
from gateway.services.left_notes import settle_left_notes
from gateway.services.lines import Lines, TrunkLimits
from gateway.services.quota import VoiceQuota
from gateway.services.trial_announce import TrialAnnouncer
from gateway.services.trial_calls import TrialCalls
from gateway.services.trial_messages import TrialCourier
from gateway.services.trunk_health import TrunkHealth
from tests.properties.clockwork import Clock, Executor, MortalRecord, Pool, Timers
from tests.properties.laws import LINK, REPORT, TRIAL_REPORT
from tests.properties.outside import TRUNK, SimChannel, SimPbx, SimSpeech

AUDIT_EVERY = timedelta(minutes=2)


class Engine:
    """One engine's actors, with its pool, its background work and its timers. Killed, it is dropped as it is."""

    def __init__(
        self,
        *,
        config: Config,
        record: MortalRecord,
        clock: Clock,
        pbx: SimPbx,
        channel: SimChannel,
        owner: SimChannel,
        on_audit: Callable[[AuditResult], None],
        on_broken: Callable[[], None],
    ) -> None:
        self.pool, self.executor, self.timers = Pool(), Executor(), Timers(clock)
        mortal: Any = record
        executor: Any = self.executor
        quota, caps, agenda = VoiceQuota(config.tiers), config.call_caps.caps(), Agenda()
        self._record, self._clock, self._quota = mortal, clock, quota
        courier = Courier(
            record=mortal,
            clock=clock,
            channels={
                Level.TEXT: channel,
                Level.VOICE_NOTE: channel,
                Level.STAND_DOWN: channel,
                Level.OWNER: owner,
            },
            phone_configured=True,
            speech=SimSpeech(),
            link_url=lambda link_id: f"{LINK}{link_id}",
            media_url=lambda path: f"https://alerts.example/media/{path.name}",
            status_url=lambda attempt_id: f"{REPORT}{attempt_id}",
            quota=quota,
        )
        announcer = Announcer(
            record=mortal, clock=clock, phone=pbx, speech=SimSpeech(), prompts=lambda _language: {}, call_caps=caps
        )
        shared: dict[str, Any] = {"pool": self.pool, "record": mortal, "clock": clock, "timers": self.timers}
        actors = shared | {"dispatcher": self.tell}
        outbox = CourierOutbox(executor=executor, courier=courier, dispatcher=self.tell, timers=self.timers)  # type: ignore[arg-type]
        booth = AnnouncerBooth(executor=executor, announcer=announcer, dispatcher=self.tell)
        trial_booth = TrialAnnouncerBooth(
            executor=executor,
            announcer=TrialAnnouncer(
                record=mortal, phone=pbx, speech=SimSpeech(), prompts=lambda _language: {}, config=config
            ),
            dispatcher=self.tell,
        )
        trial_calls = TrialCalls(record=mortal, clock=clock, quota=quota, call_caps=caps)
        clerk = self._clerk = ClerkActor.start(**shared, refusals=courier, on_broken=on_broken, agenda=agenda)

        def seconds() -> float:
            return clock.at.timestamp()

        switchboard = self._switchboard = SwitchboardActor.start(
            **shared,
            lines=Lines(
                limits=[TrunkLimits(name=TRUNK, calls_per_second=1e9)],
                usable=pbx.trunks,
                health=TrunkHealth(rules=LineRules(), now=clock.now, monotonic=seconds),
                monotonic=seconds,
            ),
            trunks=[TRUNK],
            on_broken=on_broken,
            monotonic=seconds,
        )
        event_actors = {name: each for name, each in actors.items() if name != "record"} | {"agenda": agenda}
        self._dispatcher = DispatcherActor.start(
            **shared,
            phone=pbx,
            new_event_actor=lambda event_id, surveyed: EventActor.start(
                event_id=event_id, surveyed=surveyed, clerk=clerk.tell, outbox=outbox, **event_actors
            ),
            new_contact_actor=lambda contact_id: TrialContactActor.start(
                contact_id=contact_id,
                phone=pbx,
                booth=booth,
                quota=quota,
                call_caps=caps,
                switchboard=switchboard.tell,
                trial_calls=trial_calls,
                trial_booth=trial_booth,
                **actors,
            ),
            on_broken=on_broken,
            auditor=self._tell_auditor,
        )
        self._auditor = AuditorActor.start(
            pool=self.pool,
            record=mortal,
            clock=clock,
            phone=pbx,
            agenda=agenda,
            dispatcher=self.tell,
            on_result=on_audit,
        )
        self._trials = TrialsActor.start(
            **shared,
            executor=executor,
            courier=TrialCourier(
                record=mortal,
                clock=clock,
                channel=channel,
                status_url=lambda trial_id: f"{TRIAL_REPORT}{trial_id}",
                home_url="https://alerts.example/",
            ),
            dispatcher=self.tell,
            monotonic=seconds,
        )
        self.tell(TakeUpEverything())
        self.look_for_trials()
        self.timers.after(AUDIT_EVERY, self._audit)

    def tell(self, message: object) -> None:
        """Tell the dispatcher."""
        tell_if_alive(self._dispatcher, message)

    def look_for_trials(self) -> None:
        """Have it looked for what was asked for."""
        tell_if_alive(self._trials, LookForTrials())

    def _tell_auditor(self, message: object) -> None:
        tell_if_alive(self._auditor, message)

    def _audit(self) -> None:
        self._tell_auditor(Audit())
        self.look_for_trials()
        self.executor.submit(lambda: settle_left_notes(self._record, self._quota, self._clock.now()))
        self.timers.after(AUDIT_EVERY, self._audit)
