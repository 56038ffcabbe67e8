"""What is allowed in a configuration and still probably not meant."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.config.advice_asterisk import advise_asterisk, is_loopback
from gateway.config.mistakes import Mistake
from gateway.config.schema import Config, TwilioConfig
from gateway.config.tts import TtsConfig

_SHORTEST_SECRET = 16


def advise(config: Config) -> Iterator[Mistake]:
    """Yield a warning for everything that works and is odd."""
    yield from _web(config)
    if config.secret_key is not None and len(config.secret_key.get_secret_value()) < _SHORTEST_SECRET:
        yield Mistake(
            path="secret_key",
            problem="short enough to be guessed",
            suggestion="write 32 random characters, as from: openssl rand -hex 32",
        )
    if config.asterisk is None:
        yield _absent("asterisk", "phone calls are off")
    else:
        yield from advise_asterisk(config.asterisk)
    if config.twilio is None:
        yield _absent("twilio", "WhatsApp is off")
    else:
        yield from _twilio(config.twilio)
    if config.telegram is None:
        yield _absent("telegram", "owners are not told when everyone failed")
    yield from _tts(config.tts)


def _tts(tts: TtsConfig) -> Iterator[Mistake]:
    idle = {"coqui": tts.engine != "coqui" and tts.coqui, "piper": tts.engine == "espeak" and tts.piper}
    for engine, section in idle.items():
        if section:
            yield Mistake(
                path=f"tts.{engine}",
                problem=f"has no effect: the engine is {tts.engine}",
                suggestion=f"write tts.engine: {engine}, or drop the section",
            )


def _web(config: Config) -> Iterator[Mistake]:
    public = urlsplit(config.web.public_url)
    loopback = is_loopback(public.hostname or "")
    if public.scheme == "http" and not loopback:
        yield Mistake(
            path="web.public_url",
            problem="http:// lets anyone on the way read acknowledgement links",
            suggestion="put a proxy with TLS in front and write https://",
        )
    if loopback and config.twilio is not None:
        yield Mistake(
            path="web.public_url",
            problem="only this machine can open it: links in messages and Twilio's callbacks will not work",
            suggestion="write the address under which the gateway is reached from outside",
        )


def _twilio(twilio: TwilioConfig) -> Iterator[Mistake]:
    if twilio.whatsapp_from is None:
        yield Mistake(
            path="twilio.whatsapp_from",
            problem="WhatsApp is off: there is no number to send from",
            suggestion="add the number of your WhatsApp sender",
        )
    elif not twilio.has_template:
        yield Mistake(
            path="twilio.content_sid",
            problem="no approved template: WhatsApp delivers only to people who wrote within the last 24 hours",
            suggestion="add the SID of your approved content template: see tocsin whatsapp template",
        )


def _absent(section: str, effect: str) -> Mistake:
    return Mistake(path=section, problem=f"absent: {effect}", suggestion="add the section to turn it on")
