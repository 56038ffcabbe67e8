"""Fake providers: real HTTP servers on loopback that speak the documented protocols and refuse wrong requests."""

from tests.clouds.server import Fault as Fault
from tests.clouds.telegram import FakeTelegram as FakeTelegram
from tests.clouds.telegram_chats import SentText as SentText
from tests.clouds.twilio import FakeTwilio as FakeTwilio
from tests.clouds.twilio_message import SentMessage as SentMessage
