"""The last voice seconds of a month, on real calls."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.model.quota import VoiceUseKind
from gateway.services.quota import VoiceQuota
from tests.site import OWNER_CHAT, Site
from tests.telephony.carrier import answers

pytestmark = pytest.mark.telephony

USED_BEFORE = 58


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), policy={"call_attempts": 1}) as site:
        yield site


def use_voice(site: Site, license_id: int) -> None:
    """Have all but two of the license's sixty seconds used."""
    quota, now = VoiceQuota(site.gateway.config.tiers), datetime.now(UTC)
    with site.gateway.record.write() as work:
        assert quota.reserve(
            work,
            license_id=license_id,
            kind=VoiceUseKind.CALL,
            reference="before",
            longest=timedelta(seconds=USED_BEFORE),
            critical=False,
            at=now,
        )
        quota.settle(work, kind=VoiceUseKind.CALL, reference="before", used_seconds=USED_BEFORE, at=now)
        work.commit()


def test_the_last_call_is_not_cut_and_the_next_contact_is_texted_only(site: Site) -> None:
    license_id = site.gateway.license(owner_telegram=OWNER_CHAT, voice_minutes="1")
    numbers = [site.number(), site.number()]
    site.carrier.behaviour(numbers[0], answers(stays=4))
    contacts = [site.gateway.contact(license_id, number) for number in numbers]
    use_voice(site, license_id)
    assert "96%" in site.telegram.expect_message().text
    event_id = site.gateway.post(site.gateway.source(license_id))
    assert site.twilio.expect_message().to == f"whatsapp:{contacts[0].whatsapp}"
    site.carrier.expect_call(numbers[0]).wait_answered().wait_ended()
    assert site.twilio.expect_message().to == f"whatsapp:{contacts[1].whatsapp}"
    site.gateway.expect_status(event_id, "exhausted")
    told = [site.telegram.expect_message().text for _ in range(2)]
    assert sum("used up its voice minutes" in text for text in told) == 1
    site.finished(event_id)
    (call,) = site.gateway.event(event_id)["calls"]
    assert call["billed_seconds"] >= 3, "nobody cut it after the two seconds that remained"
    skipped = site.gateway.expect_entry(event_id, "attempt_result", reason="voice_quota_spent")
    assert skipped["contact_id"] == contacts[1].id
    shown = json.loads(site.gateway.run("quota", "show", "--license", str(license_id), "--json"))
    assert shown["voice_seconds_used"] == USED_BEFORE + call["billed_seconds"]
    assert (shown["voice_seconds_reserved"], shown["notices"]) == (0, ["voice_80", "voice_100"])
