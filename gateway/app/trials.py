"""Test calls and test messages: the part of the engine that makes them."""

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pykka

from actors.event import Tell, tell_if_alive
from actors.messages import LookForTrials
from actors.pool import ActorPool
from actors.timers import Timers
from actors.trials import TrialsActor
from actors.workers import TrialAnnouncerBooth
from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.messages import NotificationChannel
from gateway.ports.phone import Phone, Prompt
from gateway.ports.record import Record
from gateway.ports.speech import Speech
from gateway.services.call_safety import CallGuard
from gateway.services.quota import VoiceQuota
from gateway.services.trial_announce import TrialAnnouncer
from gateway.services.trial_calls import TrialCalls
from gateway.services.trial_messages import TrialCourier


class Trials:
    """The actor that looks for what was asked for, and what contacts' actors make test calls with (``for_contacts``).

    ``channel`` is that of WhatsApp texts, ``None`` where it is off; ``speech`` one that nobody waits for long.
    """

    def __init__(
        self,
        config: Config,
        *,
        pool: ActorPool,
        record: Record,
        clock: Clock,
        timers: Timers,
        executor: Executor,
        dispatcher: Tell,
        channel: NotificationChannel | None,
        phone: Phone,
        speech: Speech,
        prompts: Callable[[str], Mapping[Prompt, Path]],
        quota: VoiceQuota,
        guard: CallGuard,
    ) -> None:
        base = config.web.public_url.rstrip("/")
        self._actor: pykka.ActorRef[TrialsActor] | None = None
        self._shared: Mapping[str, Any] = {"pool": pool, "record": record, "clock": clock, "timers": timers}
        self._executor = executor
        self._dispatcher = dispatcher
        self._courier = TrialCourier(
            record=record,
            clock=clock,
            channel=channel,
            status_url=lambda trial_id: f"{base}/twilio/whatsapp/status?trial={trial_id}",
            home_url=f"{base}/",
        )
        announcer = TrialAnnouncer(record=record, phone=phone, speech=speech, prompts=prompts, config=config)
        self.for_contacts: Mapping[str, Any] = {
            "trial_calls": TrialCalls(
                record=record, clock=clock, quota=quota, call_caps=config.call_caps.caps(), guard=guard
            ),
            "trial_booth": TrialAnnouncerBooth(executor=executor, announcer=announcer, dispatcher=dispatcher),
        }

    def start(self) -> None:
        """Start the actor. What an earlier engine began it does not begin again."""
        self._actor = TrialsActor.start(
            **self._shared, executor=self._executor, courier=self._courier, dispatcher=self._dispatcher
        )

    def look(self) -> None:
        """Have it looked for what was asked for. Returns at once."""
        if self._actor is not None:
            tell_if_alive(self._actor, LookForTrials())
