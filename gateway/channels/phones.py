"""The phone of an installation that has both: trunks of its own, and Twilio for when none of them can."""

from collections.abc import Collection, Sequence
from pathlib import Path

from gateway.ports.phone import TWILIO, CallOrder, Phone


class Phones:
    """Our own trunks first, in their order, and Twilio's last. Implements ``gateway.ports.phone.Phone``.

    An order goes where its trunk belongs, a look-up where its node does; what is asked of a leg goes to the phone that
    carries it, or to both where that is not known: it may be of an earlier life of the gateway.
    """

    def __init__(self, *, own: Phone, twilio: Phone) -> None:
        self._own = own
        self._twilio = twilio
        self._carriers: dict[str, Phone] = {}

    def trunks(self) -> Sequence[str]:
        """Return the trunks that could carry a call now, Twilio's last."""
        return [*self._own.trunks(), *self._twilio.trunks()]

    def node_of(self, trunk: str) -> str:
        """Return the phone system that a trunk belongs to. Raises ``KeyError`` for an unknown one."""
        return self._by_name(trunk).node_of(trunk)

    def place(self, order: CallOrder) -> None:
        """Dial."""
        phone = self._carriers[order.call_id] = self._by_name(order.trunk)
        phone.place(order)

    def hang_up(self, call_id: str) -> None:
        """End a leg; no error where it has ended already."""
        for phone in self._carrying(call_id):
            phone.hang_up(call_id)

    def say_and_hang_up(self, call_id: str, sound: Path) -> None:
        """Break into the message of a live leg, play the sound, end the leg. No error where it has ended already."""
        for phone in self._carrying(call_id):
            phone.say_and_hang_up(call_id, sound)

    def refuse_pin(self, call_id: str, *, again: bool) -> None:
        """Tell the callee that their PIN is not right, and ask for it again or end the leg."""
        for phone in self._carrying(call_id):
            phone.refuse_pin(call_id, again=again)

    def look_up(self, node: str, call_ids: Collection[str]) -> None:
        """Report what is known of legs whose end was not seen."""
        phone = self._by_name(node)
        self._carriers.update(dict.fromkeys(call_ids, phone))
        phone.look_up(node, call_ids)

    def forget(self, call_id: str) -> None:
        """Drop what the phone systems keep of a leg."""
        for phone in self._carrying(call_id):
            phone.forget(call_id)
        self._carriers.pop(call_id, None)

    def _by_name(self, name: str) -> Phone:
        return self._twilio if name == TWILIO else self._own

    def _carrying(self, call_id: str) -> Sequence[Phone]:
        known = self._carriers.get(call_id)
        return (self._own, self._twilio) if known is None else (known,)
