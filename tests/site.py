"""A whole installation on loopback: gateway, its Asterisk, a carrier, Twilio and Telegram.

All parts are real but the two clouds, which speak their vendors' protocols and refuse wrong requests.
"""

import json
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from gateway.config.schema import AsteriskConfig
from tests.clouds.telegram import FakeTelegram
from tests.clouds.twilio import FakeTwilio
from tests.gateway import FAST, Gateway
from tests.telephony.asterisk import GatewayPbx, asterisk_config
from tests.telephony.carrier import Carrier
from tests.waiting import until

OWNER_CHAT = "1001"
OPERATOR = "+15550999"


class Site:
    """The installation, as a context manager. ``policy`` and ``settings`` override the gateway's configuration.

    With ``voice_from`` calls may go through Twilio, too.
    """

    def __init__(
        self,
        directory: Path,
        *,
        policy: dict[str, object] | None = None,
        settings: dict[str, Any] | None = None,
        database_url: str | None = None,
        trunks: tuple[str, ...] = ("carrier",),
        ami_port_of: Callable[[int], int] = lambda port: port,
        voice_from: str | None = None,
    ) -> None:
        self.directory = directory
        self._voice_from = voice_from
        self._policy = dict(FAST) | (policy or {})
        self._settings = settings or {}
        self._database_url = database_url
        self._trunks = trunks
        self._ami_port_of = ami_port_of
        self._parts = ExitStack()
        self._numbers = 0
        self.carrier: Carrier
        self.pbx: GatewayPbx
        self.twilio: FakeTwilio
        self.telegram: FakeTelegram
        self.gateway: Gateway
        self.phone = ""

    def __enter__(self) -> Self:
        with ExitStack() as parts:
            self.carrier = parts.enter_context(Carrier(self.directory))
            asterisk = with_sounds(
                asterisk_config(dict.fromkeys(self._trunks, self.carrier.sip_port)), self.directory / "sounds"
            )
            self.pbx = parts.enter_context(GatewayPbx(asterisk, self.directory / "pbx"))
            self.twilio = parts.enter_context(FakeTwilio(fetch_media=True))
            self.telegram = parts.enter_context(FakeTelegram(chats=(OWNER_CHAT,)))
            settings = {
                "asterisk": self._as_the_gateway_sees_it(as_settings(asterisk)),
                "twilio": {
                    "account_sid": self.twilio.account_sid,
                    "auth_token": self.twilio.auth_token,
                    "api_base": self.twilio.api_base,
                    "whatsapp_from": "+14155238886",
                    **({"voice_from": self._voice_from} if self._voice_from else {}),
                },
                "telegram": {"bot_token": self.telegram.bot_token, "api_base": self.telegram.api_base},
                "policy": self._policy,
            }
            gateway = Gateway(self.directory / "gateway", settings | self._settings, database_url=self._database_url)
            self.gateway = parts.enter_context(gateway)
            self.twilio.webhook_url = f"{gateway.url}/twilio/whatsapp/inbound"
            self._parts = parts.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._parts.close()

    def number(self) -> str:
        """Return a phone number that no other test of this installation uses."""
        self._numbers += 1
        return f"+1555{self._numbers + 2000:07}"

    def finished(self, *event_ids: int, timeout: float = 30) -> None:
        """Wait until nothing is left to do for these events, and assert that nothing unexpected was sent or dialled."""
        for event_id in event_ids:
            until(
                lambda event_id=event_id: self.is_finished(event_id),  # type: ignore[misc]
                timeout,
                f"event {event_id} is finished\n{self.gateway.story(event_id)}",
            )
        self.carrier.expect_nothing_more()
        self.twilio.expect_nothing_more()
        self.telegram.expect_nothing_more()

    def settle(self, event_id: int, *numbers: str) -> None:
        """After a failed test, end its event and accept what came of it: the next one fails for its own reasons.

        What those numbers are called after that is still told, by whichever test runs then.
        """
        with suppress(AssertionError):
            self.gateway.run("event", "ack", str(event_id))
        with suppress(AssertionError):
            until(lambda: self.is_finished(event_id), 15, "the event of the failed test is finished")
        for number in numbers:
            self.carrier.forget(number)
        with suppress(AssertionError):
            while True:
                self.twilio.expect_message(0)
        self.telegram.expect_messages_at_most(len(self.telegram.sent))

    def _as_the_gateway_sees_it(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Put whatever a test has placed between the gateway and its Asterisk into the configuration."""
        for node in settings["nodes"]:
            node["port"] = self._ami_port_of(node["port"])
        return settings

    def is_finished(self, event_id: int) -> bool:
        """Tell whether nothing is left to do for the event: its ladder is over, and so are its calls."""
        with self.gateway.record.read() as work:
            return event_id not in work.events.unfinished_ids() and all(
                call.ended_at is not None for call in work.calls.of_event(event_id)
            )


def with_sounds(config: AsteriskConfig, directory: Path) -> AsteriskConfig:
    """Return the configuration with its node's sounds kept in that directory."""
    node = config.nodes[0].model_copy(update={"sounds_dir": directory})
    return config.model_copy(update={"nodes": (node,)})


def as_settings(config: AsteriskConfig) -> dict[str, Any]:
    """Return the configuration as it stands in ``tocsin.yaml``, secrets included."""
    dumped: dict[str, Any] = json.loads(config.model_dump_json(by_alias=True, exclude_none=True, exclude_unset=True))
    for node, shown in zip(config.nodes, dumped["nodes"], strict=True):
        if node.secret is not None:
            shown["secret"] = node.secret.get_secret_value()
    for trunk, shown in zip(config.trunks, dumped["trunks"], strict=True):
        if trunk.password is not None:
            shown["password"] = trunk.password.get_secret_value()
    return dumped
