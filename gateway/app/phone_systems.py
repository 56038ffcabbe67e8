"""The phone systems of an installation: its own Asterisk servers, Twilio, both or none."""

from gateway.app.bootstrap import build_twilio_phone
from gateway.app.secrets import Secrets
from gateway.channels.asterisk.connection import NodeHealth
from gateway.channels.asterisk.phone import AsteriskPhone
from gateway.channels.asterisk.trunk_states import TrunkListener
from gateway.channels.no_phone import NoPhone
from gateway.channels.phones import Phones
from gateway.config.schema import Config
from gateway.ports.clock import Clock
from gateway.ports.phone import Phone, PhoneListener
from gateway.ports.record import Record


class PhoneSystems:
    """What is configured, and the one ``phone`` over it. Nothing is connected before ``start``."""

    def __init__(
        self,
        config: Config,
        secrets: Secrets,
        *,
        record: Record,
        listener: PhoneListener,
        clock: Clock,
        trunk_listener: TrunkListener = lambda _: None,
    ) -> None:
        self._asterisk: AsteriskPhone | None = None
        if config.asterisk is not None and config.asterisk.trunks:
            self._asterisk = AsteriskPhone(
                config=config.asterisk,
                secrets=secrets.ami_secrets,
                listener=listener,
                clock=clock,
                trunk_listener=trunk_listener,
            )
        self._twilio = build_twilio_phone(config, secrets, record=record, listener=listener, clock=clock)
        own: Phone = self._asterisk or NoPhone(clock=clock, listener=listener)
        self.phone: Phone = own if self._twilio is None else Phones(own=own, twilio=self._twilio)

    @property
    def any(self) -> bool:
        """Whether anything is configured that places calls."""
        return self._asterisk is not None or self._twilio is not None

    def start(self) -> None:
        """Begin to connect, and take orders."""
        for system in (self._asterisk, self._twilio):
            if system is not None:
                system.start()

    def stop(self) -> None:
        """Take no more orders; calls in progress go on."""
        for system in (self._twilio, self._asterisk):
            if system is not None:
                system.stop()

    def nodes(self) -> list[tuple[str, str]]:
        """Return the name of each Asterisk server, and ``ok`` or what is wrong with its connection."""
        if self._asterisk is None:
            return []
        return [(node.node, "ok" if node.ready else _trouble(node)) for node in self._asterisk.health()]


def _trouble(node: NodeHealth) -> str:
    state = "connected, not yet looked up" if node.connected else "not connected"
    return f"{state} since {node.since.isoformat(timespec='seconds')}: {node.last_error or 'no error seen'}"
