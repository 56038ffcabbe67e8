"""The phone port over Twilio Voice: for calls that no trunk of our own can carry.

Twilio asks the web processes what a call says, and reports to them; they record it. Here calls are placed, ended, and
looked at where no report came.
"""

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from xml.sax.saxutils import escape

import structlog

from gateway.channels.twilio.voice_api import Ambiguous, Created, LookUpFailedError, NewCall, VoiceApi
from gateway.channels.twilio.voice_leg import VoiceLeg, VoiceTimings
from gateway.channels.twilio.voice_outcomes import Refusal
from gateway.channels.twilio.voice_watch import LegWatch
from gateway.config.schema import TwilioConfig
from gateway.model.call import Call, CallOutcome
from gateway.ports.clock import Clock
from gateway.ports.phone import (
    LONGEST_CALL,
    LONGEST_HANDOFF,
    TWILIO,
    CallAnswered,
    CallEnded,
    CallOrder,
    CallRinging,
    PhoneListener,
    PhoneNodeUp,
)
from gateway.ports.provider_calls import ProviderCallBook, ProviderReport, end_on_record
from gateway.ports.record import RecordUnavailableError

log = structlog.get_logger(__name__)

_THREADS = 4
# Twilio ends every call by its time limit. What is still not over then has never been heard of again.
_LONGEST_LEG = LONGEST_HANDOFF + timedelta(minutes=15)


class VoiceAddresses(Protocol):
    """The addresses under which Twilio finds us."""

    def answer(self, order: CallOrder) -> str:
        """Return where Twilio asks what the call says."""
        ...

    def status(self, order: CallOrder) -> str:
        """Return where Twilio reports how the call goes."""
        ...

    def sound(self, path: Path) -> str:
        """Return where Twilio fetches a sound."""
        ...


class TwilioPhone:
    """Places calls through Twilio. Implements ``gateway.ports.phone.Phone``, with one trunk and node, ``twilio``.

    A call is created at most once. Where nobody knows what became of that, it is looked for: among the calls that
    Twilio lists, and in the record, where Twilio's first report leaves its id. Until it is found the
    leg waits, and after ``VoiceTimings.lost_after`` it ends ``LOST``. All methods may be called from any thread.
    """

    def __init__(
        self,
        *,
        config: TwilioConfig,
        addresses: VoiceAddresses,
        book: ProviderCallBook,
        listener: PhoneListener,
        clock: Clock,
        timings: VoiceTimings | None = None,
    ) -> None:
        self._config = config
        self._api = VoiceApi(config)
        self._addresses = addresses
        self._book = book
        self._listener = listener
        self._clock = clock
        self._timings = timings or VoiceTimings()
        self._running = False
        self._io = ThreadPoolExecutor(_THREADS, thread_name_prefix="twilio-voice")
        self._watch = LegWatch(
            look=lambda leg: self._submit(lambda: self._look(leg)), lost_after=self._timings.lost_after
        )

    def start(self) -> None:
        """Take orders from now on, and have the legs on record looked up."""
        self._running = True
        self._watch.start()
        self._listener(PhoneNodeUp(TWILIO))

    def stop(self) -> None:
        """Take no more orders. What is being asked of Twilio is let finish; calls in progress go on."""
        self._running = False
        self._watch.stop()
        self._io.shutdown(wait=True)

    def trunks(self) -> Sequence[str]:
        """Return the one trunk."""
        return (TWILIO,) if self._running else ()

    def node_of(self, trunk: str) -> str:
        """Return the one node. Raises ``KeyError`` for another trunk."""
        if trunk != TWILIO:
            raise KeyError(trunk)
        return TWILIO

    def place(self, order: CallOrder) -> None:
        """Create the call."""
        leg = VoiceLeg(
            call_id=order.call_id,
            to_number=order.to_number,
            placed_at=self._clock.now(),
            ring_timeout=order.ring_timeout,
            caller_id=self._config.voice_from,
        )
        if self._watch.add(leg) is not leg:
            return
        if not self._submit(lambda: self._create(leg, order)):
            self._end(leg, leg.ended(self._clock.now(), CallOutcome.TRUNK_TROUBLE))

    def hang_up(self, call_id: str) -> None:
        """End a leg; no error where it has ended already. One whose call is being looked for ends when it is found."""
        leg = self._wanted(call_id, hang_up=True)
        if leg is not None:
            self._submit(lambda: self._order(leg))

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Break into what the callee hears, play the sound, end the leg. One not answered yet is hung up."""
        leg = self._wanted(call_id, last_word=self._addresses.sound(sound))
        if leg is not None:
            self._submit(lambda: self._order(leg))

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Do nothing: the web, which is told of the PIN, has answered at once."""

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        """Report what is known of legs whose end was not seen, and follow those in progress."""
        if node == TWILIO:
            for call_id in call_ids:
                self._submit(lambda call_id=call_id: self._take_up(call_id))  # type: ignore[misc]

    def forget(self, call_id: str) -> None:
        """Follow a leg no more: its end is on record."""
        self._watch.remove(call_id)

    # --- what is done on the phone's own threads ----------------------------------------------------------------------

    def _create(self, leg: VoiceLeg, order: CallOrder) -> None:
        if leg.hang_up_wanted:
            self._end(leg, leg.ended(self._clock.now(), CallOutcome.CANCELLED))
            return
        try:
            leg.audio_sha256 = hashlib.sha256(order.announcement.read_bytes()).hexdigest()
            call = NewCall(
                to_number=order.to_number,
                answer_url=self._addresses.answer(order),
                status_url=self._addresses.status(order),
                ring_timeout=order.ring_timeout,
                longest=LONGEST_HANDOFF if order.handoff_number else LONGEST_CALL,
                machine=order.machine,
            )
        except (OSError, ValueError) as error:
            log.exception("twilio_call_not_prepared", call_id=leg.call_id, reason=str(error))
            self._end(leg, leg.ended(self._clock.now(), CallOutcome.TRUNK_TROUBLE))
            return
        match self._api.create(call):
            case Created(sid):
                self._found(leg, sid)
                self._watch.look_again(leg, (leg.ring_timeout + self._timings.after_ringing).total_seconds())
            case Ambiguous(reason):
                log.warning("twilio_call_ambiguous", call_id=leg.call_id, reason=reason)
                self._watch.look_again(leg, self._timings.search_every.total_seconds())
            case Refusal(outcome=outcome, hangup_cause=cause, reason=reason):
                log.warning("twilio_call_refused", call_id=leg.call_id, reason=reason, outcome=outcome.value)
                self._end(leg, leg.ended(self._clock.now(), outcome, hangup_cause=cause))

    def _take_up(self, call_id: str) -> None:
        leg = self._watch.get(call_id)
        if leg is None:
            call = self._on_record(call_id)
            if call is None:
                return
            leg = self._adopted(call)
        self._watch.look_again(leg, 0)

    def _adopted(self, call: Call) -> VoiceLeg:
        return self._watch.add(
            VoiceLeg(
                call_id=call.id,
                to_number=call.to_number,
                placed_at=call.started_at,
                ring_timeout=self._timings.look_every,
                caller_id=call.caller_id or self._config.voice_from,
                sid=call.provider_call_id,
                ringing_told=call.ringing_at is not None,
                answered_told=call.answered_at is not None,
            )
        )

    def _look(self, leg: VoiceLeg) -> None:
        try:
            self._look_at(leg)
        finally:
            pause = self._timings.look_every if leg.sid is not None else self._timings.search_every
            self._watch.look_again(leg, pause.total_seconds())

    def _look_at(self, leg: VoiceLeg) -> None:
        """See how a leg is: in the record, where the web has put what Twilio reported, and at Twilio."""
        call = self._on_record(leg.call_id)
        ended = end_on_record(call) if call is not None else None
        if ended is not None:
            self._end(leg, ended)
            return
        if call is not None and call.provider_call_id is not None:
            # Twilio's reports carry our own id of the leg: what they say counts, whatever was found by searching.
            leg.sid = call.provider_call_id
        elif call is not None and leg.sid is not None:
            self._keep(leg, leg.sid)
        try:
            if leg.sid is None:
                self._search(leg)
            elif (report := self._api.fetch(leg.sid)) is not None:
                self._seen(leg, report)
            elif self._age(leg) > self._timings.lost_after:
                # A call that was only just created may not be there yet.
                log.error("twilio_call_unknown", call_id=leg.call_id, provider_call_id=leg.sid)
                self._end(leg, leg.ended(self._clock.now(), CallOutcome.LOST))
        except LookUpFailedError as error:
            log.warning("twilio_call_not_looked_up", call_id=leg.call_id, reason=str(error))
        is_overdue = leg.sid is None and leg.lost_at is not None and time.monotonic() >= leg.lost_at
        if is_overdue or self._age(leg) > _LONGEST_LEG:
            # It may have rung: to dial it again, here or elsewhere, could ring somebody twice for one attempt.
            log.error("twilio_call_lost", call_id=leg.call_id)
            self._end(leg, leg.ended(self._clock.now(), CallOutcome.LOST))

    def _age(self, leg: VoiceLeg) -> timedelta:
        return self._clock.now() - leg.placed_at

    def _search(self, leg: VoiceLeg) -> None:
        try:
            candidates = [sid for sid in self._api.find(leg.to_number, leg.placed_at) if not self._book.is_taken(sid)]
        except RecordUnavailableError as error:
            raise LookUpFailedError(str(error)) from error
        if len(candidates) == 1:
            log.info("twilio_call_found", call_id=leg.call_id, provider_call_id=candidates[0])
            self._found(leg, candidates[0])
            self._watch.look_again(leg, 0)
        elif candidates:
            # Another of our calls to the same number: Twilio's own report will tell which is which.
            log.warning("twilio_call_not_told_apart", call_id=leg.call_id, candidates=len(candidates))

    def _found(self, leg: VoiceLeg, sid: str) -> None:
        leg.sid = sid
        self._keep(leg, sid)
        self._order(leg)

    def _keep(self, leg: VoiceLeg, sid: str) -> None:
        try:
            self._book.keep(leg.call_id, sid)
        except RecordUnavailableError as error:
            # Twilio's first report brings it, too.
            log.warning("twilio_call_id_not_recorded", call_id=leg.call_id, reason=str(error))

    def _seen(self, leg: VoiceLeg, report: ProviderReport) -> None:
        now = self._clock.now()
        if report.outcome is not None:
            outcome = report.outcome
            if outcome is CallOutcome.CANCELLED and not leg.hang_up_wanted:
                outcome = CallOutcome.NO_ANSWER  # by somebody else, as in Twilio's console
            self._end(leg, leg.ended(now, outcome, report=report))
            return
        if report.is_ringing and not leg.ringing_told:
            leg.ringing_told = True
            self._listener(CallRinging(leg.call_id, now))
        elif report.is_answered and not leg.answered_told:
            leg.answered_told = True
            self._listener(CallAnswered(leg.call_id, now))
        self._order(leg)

    def _order(self, leg: VoiceLeg) -> None:
        """Tell Twilio what we want of a leg, as soon as it is known which call it is; what is lost is told again."""
        if leg.sid is None:
            return
        if leg.last_word is not None:
            twiml = f"<Response><Play>{escape(leg.last_word)}</Play><Hangup/></Response>"
            if self._api.redirect(leg.sid, twiml):
                leg.last_word = None
                return
            leg.hang_up_wanted = True
        if leg.hang_up_wanted:
            self._api.hang_up(leg.sid)
            self._watch.look_again(leg, self._timings.search_every.total_seconds())

    # --- legs ---------------------------------------------------------------------------------------------------------

    def _wanted(self, call_id: str, *, hang_up: bool = False, last_word: str | None = None) -> VoiceLeg | None:
        """Note what is wanted of a leg; one of an earlier life is in the record."""
        leg = self._watch.get(call_id)
        if leg is None:
            call = self._on_record(call_id)
            if call is None or call.provider != TWILIO or call.ended_at is not None:
                return None
            leg = self._adopted(call)
            self._watch.look_again(leg, 0)
        leg.hang_up_wanted = leg.hang_up_wanted or hang_up
        leg.last_word = last_word or leg.last_word
        return leg

    def _on_record(self, call_id: str) -> Call | None:
        try:
            return self._book.find(call_id)
        except RecordUnavailableError as error:
            log.warning("twilio_leg_not_read", call_id=call_id, reason=str(error))
            return None

    def _end(self, leg: VoiceLeg, report: CallEnded) -> None:
        if self._watch.remove(leg.call_id):
            self._listener(report)

    def _submit(self, work: Callable[[], None]) -> bool:
        def logged() -> None:
            try:
                work()
            except Exception:
                log.exception("twilio_voice_work_failed")

        if not self._running:
            return False
        try:
            self._io.submit(logged)
        except RuntimeError:
            # It was shut down between the two lines.
            return False
        return True
