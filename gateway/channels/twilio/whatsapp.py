"""WhatsApp messages by Twilio.

Outside the 24 hours after a recipient's last message WhatsApp delivers approved
templates only, and no audio: https://www.twilio.com/docs/whatsapp/key-concepts.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_result,
    sleep_using_event,
    stop_after_attempt,
    stop_before_delay,
    stop_when_event_set,
    wait_exponential,
)
from twilio.rest.api.v2010.account.message import MessageInstance

from gateway.channels.lengths import shortened
from gateway.channels.twilio.client import failed_delivery, rest_client
from gateway.channels.twilio.error_codes import VARIABLES_INVALID
from gateway.channels.twilio.outcomes import PROVIDER, delivery_of_creation, of_template
from gateway.channels.twilio.search import ListedMessage, choose
from gateway.config.schema import TwilioConfig
from gateway.model.attempt import AttemptState, Level
from gateway.ports.messages import BUTTON_VARIABLE, BY_TEMPLATE, Delivery, Message

log = structlog.get_logger(__name__)

# The Message resource's limit of Body, and the Content API's limit of one variable's value.
LONGEST_BODY = 1600
LONGEST_VARIABLE = 255

# One page, newest first: more than anybody is sent between an attempt and its look-up.
_LISTED = 50
_TRIES = 3
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 2.0
_LEAST_TIME = timedelta(milliseconds=100)


class WhatsAppChannel:
    """The ``SearchableChannel`` of WhatsApp texts, voice notes and stand-down texts.

    A message that certainly did not leave is tried again up to three times, all within the
    configured timeout. ``pause`` waits for the given seconds between tries. By default it ends at once when
    ``closing`` is set, so that a process that stops makes its last try without waiting.
    """

    def __init__(
        self,
        config: TwilioConfig,
        *,
        closing: threading.Event | None = None,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._config = config
        self._closing = closing or threading.Event()
        self._pause = pause or sleep_using_event(self._closing)

    def refuse(self, message_level: Level, *, window_open: bool) -> str | None:
        """Return ``not_supported``, ``not_configured`` or ``window_closed``; ``None`` if the message can be sent."""
        if message_level not in {Level.TEXT, Level.VOICE_NOTE, Level.STAND_DOWN}:
            return "not_supported"
        if self._config.whatsapp_from is None:
            return "not_configured"
        if message_level is Level.VOICE_NOTE and not window_open:
            return "window_closed"
        # Without a template the operator has chosen free text, come what may.
        if message_level is Level.STAND_DOWN and not window_open and not self._config.has_stand_down_template:
            return "window_closed" if self._config.has_template else None
        return None

    def send(self, message: Message) -> Delivery:
        """Send the message and return what became of it. Takes the configured timeout at most."""
        reason = self.refuse(message.level, window_open=message.window_open)
        if reason is None and message.level is Level.VOICE_NOTE and message.media_url is None:
            reason = "no_media"
        template = template_of(self._config, message)
        if reason is None and message.template_only and template is None and not message.window_open:
            reason = "no_template"
        if reason is not None:
            return Delivery(state=AttemptState.SKIPPED, provider=PROVIDER, reason=reason)
        deadline = time.monotonic() + self._config.timeout.total_seconds()
        delivery: Delivery = Retrying(
            retry=retry_if_result(_may_be_tried_again),
            stop=stop_after_attempt(_TRIES)
            | stop_before_delay(self._config.timeout)
            | stop_when_event_set(self._closing),
            wait=wait_exponential(multiplier=_FIRST_PAUSE, max=_LONGEST_PAUSE),
            sleep=self._pause,
            before_sleep=_tell_another_try,
            retry_error_callback=_last_result,
        )(self._try_message, message, deadline)
        return replace(of_template(delivery) if template is not None else delivery, to=message.to)

    def find(self, message: Message, since: datetime) -> Delivery | None:
        """Return what Twilio knows of a message that may have been sent at or after ``since``; see the port."""
        try:
            listed = rest_client(self._config).messages.list(
                from_=f"whatsapp:{self._config.whatsapp_from}", to=f"whatsapp:{message.to}", limit=_LISTED
            )
            found = choose(
                [_listed(item) for item in listed],
                text=None if message.level is Level.VOICE_NOTE else shortened(message.text, LONGEST_BODY),
                variables={
                    name: template_value(value)
                    for name, value in message.template_variables.items()
                    if name != BUTTON_VARIABLE  # nobody sees it
                },
                since=since,
            )
        except Exception as error:  # noqa: BLE001 - whatever the library makes of the answer, nothing was learnt
            log.warning("message_not_looked_up", reason=failed_delivery(error).reason)
            return None
        return None if found is None else delivery_of_creation(found.sid, found.status, found.error_code)

    def _try_message(self, message: Message, deadline: float) -> Delivery:
        parameters = create_parameters(self._config, message)
        delivery, code = self._try(parameters, deadline)
        if code == VARIABLES_INVALID and BUTTON_VARIABLE in message.template_variables:
            # It was refused, so it was not sent: a template of the operator's own may lack the button's variable.
            log.warning("template_without_button_variable", template=parameters.get("content_sid"))
            variables = {name: text for name, text in message.template_variables.items() if name != BUTTON_VARIABLE}
            delivery, _ = self._try(
                create_parameters(self._config, replace(message, template_variables=variables)), deadline
            )
        return delivery

    def _try(self, parameters: Mapping[str, object], deadline: float) -> tuple[Delivery, int | None]:
        time_left = max(timedelta(seconds=deadline - time.monotonic()), _LEAST_TIME)
        try:
            created = rest_client(self._config, time_left).messages.create(**parameters)
            return delivery_of_creation(created.sid, created.status, created.error_code), None
        except Exception as error:  # noqa: BLE001 - whatever the library makes of a garbled answer, it came after sending
            return failed_delivery(error), getattr(error, "code", None)


def create_parameters(config: TwilioConfig, message: Message) -> dict[str, object]:
    """Return what the library's ``messages.create`` is called with for a message."""
    parameters: dict[str, object] = {
        "from_": f"whatsapp:{config.whatsapp_from}",
        "to": f"whatsapp:{message.to}",
    }
    template = template_of(config, message)
    if message.status_callback_url is not None:
        mark = "&" if "?" in message.status_callback_url else "?"
        by_template = f"{mark}{BY_TEMPLATE}" if template is not None else ""
        parameters["status_callback"] = message.status_callback_url + by_template
    if message.level is Level.VOICE_NOTE:
        parameters["media_url"] = [message.media_url]
    elif template is not None:
        parameters["content_sid"] = template
        if message.template_variables:
            values = {name: template_value(value) for name, value in message.template_variables.items()}
            parameters["content_variables"] = json.dumps(values, ensure_ascii=False)
    else:
        parameters["body"] = shortened(message.text, LONGEST_BODY)
    return parameters


def template_of(config: TwilioConfig, message: Message) -> str | None:
    """Return the content SID that a message goes by; ``None`` for free text and voice notes."""
    if message.window_open or message.level not in {Level.TEXT, Level.STAND_DOWN}:
        return None
    return config.template(message.language, stand_down=message.level is Level.STAND_DOWN)


def _listed(item: MessageInstance) -> ListedMessage:
    return ListedMessage(
        sid=item.sid,
        status=item.status or "",
        error_code=item.error_code,
        body=item.body or "",
        media=int(item.num_media or 0),
        created_at=item.date_created,
    )


def template_value(value: str) -> str:
    """Return a value that a template's variable may hold.

    Twilio refuses empty ones (error 21656), WhatsApp those with line breaks, tabs or more
    than four spaces in a row; 255 characters are the limit.
    """
    return shortened(" ".join(value.split()), LONGEST_VARIABLE) or "-"


def _may_be_tried_again(delivery: Delivery) -> bool:
    return delivery.state is AttemptState.UNAVAILABLE


def _tell_another_try(retry_state: RetryCallState) -> None:
    log.warning("whatsapp_try_failed", number=retry_state.attempt_number, reason=_last_result(retry_state).reason)


def _last_result(retry_state: RetryCallState) -> Delivery:
    assert retry_state.outcome is not None
    delivery: Delivery = retry_state.outcome.result()
    return delivery
