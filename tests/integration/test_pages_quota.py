"""The tab of what licenses have used of their caps."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest
from flask import Flask

from gateway.config.loader import parse_config
from gateway.config.schema import Config
from gateway.model.quota import NoticeKind, VoiceUseKind
from gateway.model.user import Role
from gateway.ports.quota import VoiceUse
from gateway.services.exceptions import UnknownLicenseError
from gateway.services.quota_report import past_months
from tests.integration.quota_rig import NOW
from tests.unit.web.installation import Installation, open_event
from tests.unit.web.pages import Browser, signed_in

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def config() -> Config:
    return parse_config("tiers: {pro: {voice_minutes: 10, events_per_month: 5}}", {})[0]


def use(there: Installation, month: str, seconds: int, *, license_id: int | None = None, settled: bool = True) -> None:
    with there.record.write() as work:
        reference = f"{month}-{seconds}"
        at = datetime.fromisoformat(f"{month}-02T12:00:00+00:00")
        work.quota.add_use(
            VoiceUse(
                license_id=license_id or there.license.id,
                month=month,
                kind=VoiceUseKind.CALL,
                reference=reference,
                reserved_seconds=seconds,
                at=at,
            )
        )
        if settled:
            work.quota.settle(VoiceUseKind.CALL, reference, used_seconds=seconds, at=at)
        work.commit()


def page(browser: Browser, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.status
    return " ".join(answer.get_data(as_text=True).split())


def test_gauge_tells_what_is_used_and_reserved_of_the_cap(there: Installation, root: Browser) -> None:
    use(there, "2026-11", 125)
    use(there, "2026-11", 60, settled=False)
    open_event(there.client())
    assert root.get("/admin/quota/").location == f"/admin/quota/{there.license.id}"
    shown = page(root, f"/admin/quota/{there.license.id}")
    assert "2:05 of 10:00 min used, 1:00 reserved" in shown
    assert "1 of 5 events" in shown
    assert "November 2026" in shown
    assert "Europe/Madrid" in shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(480, "nearly spent"), (600, "spent: calls and voice notes are left out")],
)
def test_what_a_cap_means_is_said_in_words(there: Installation, root: Browser, seconds: int, words: str) -> None:
    use(there, "2026-11", seconds)
    assert words in page(root, f"/admin/quota/{there.license.id}")


def test_overdraft_is_said(there: Installation, root: Browser) -> None:
    there.change_license(overdraft=True)
    use(there, "2026-11", 700)
    assert "spent: critical alerts still call" in page(root, f"/admin/quota/{there.license.id}")


def test_license_without_caps_has_no_thresholds(there: Installation, root: Browser) -> None:
    there.change_license(caps={"voice_minutes": None, "events_per_month": None})
    use(there, "2026-11", 700)
    shown = page(root, f"/admin/quota/{there.license.id}")
    assert "11:40 min used, no cap" in shown
    assert shown.count(">no cap<") == 4


def test_notices_tell_when_and_whether_the_owner_was_told(there: Installation, root: Browser) -> None:
    with there.record.write() as work:
        notice = work.quota.add_notice(
            license_id=there.license.id, month="2026-11", kind=NoticeKind.VOICE_80, used=480, cap=600, at=NOW
        )
        work.commit()
    assert notice is not None
    shown = page(root, f"/admin/quota/{there.license.id}")
    assert "is being sent" in shown
    assert "2026-11-15 13:00:00 CET" in shown, "in the time of the license"


def test_past_month_is_shown_by_its_name(there: Installation, root: Browser) -> None:
    use(there, "2026-10", 61)
    shown = page(root, f"/admin/quota/{there.license.id}?month=2026-10")
    assert "October 2026" in shown
    assert "1:01 of 10:00 min used" in shown
    assert root.get(f"/admin/quota/{there.license.id}?month=2026-13").status_code == 404
    assert root.get(f"/admin/quota/{there.license.id}?month=x").status_code == 404
    assert root.get("/admin/quota/999").status_code == 404
    assert root.get("/admin/quota/999/voice.svg").status_code == 404


def test_months_follow_the_time_zone_of_the_license(there: Installation) -> None:
    # In Madrid it is December for an hour already.
    at = datetime(2026, 11, 30, 23, 30, tzinfo=UTC)
    months = past_months(there.record, license_id=there.license.id, at=at)
    assert [one.month.name for one in months][-3:] == ["2026-10", "2026-11", "2026-12"]
    assert len(months) == 12
    assert all(one.month.ends_at == after.month.starts_at for one, after in itertools.pairwise(months))
    with pytest.raises(UnknownLicenseError):
        past_months(there.record, license_id=999, at=at)


@pytest.mark.parametrize(("what", "theme"), [("voice", "light"), ("events", "dark")])
def test_chart_is_an_image_that_loads_and_runs_nothing(
    there: Installation, root: Browser, what: str, theme: str
) -> None:
    use(there, "2026-11", 900)
    answer = root.get(f"/admin/quota/{there.license.id}/{what}.svg?theme={theme}")
    assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    drawn = answer.get_data(as_text=True)
    assert ET.fromstring(drawn).tag.endswith("svg")
    assert "<script" not in drawn
    assert "@import" not in drawn
    assert "url(" not in drawn.replace("url(#", "")
    assert ">Nov<" in drawn
    assert "Cap: " in drawn


def test_several_licenses_are_listed_and_anothers_does_not_exist(
    app: Flask, there: Installation, root: Browser
) -> None:
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, id=0, name="Other & Co"))
        work.commit()
    use(there, "2026-11", 60, license_id=other.id)
    shown = page(root, "/admin/quota/")
    assert "Harbour &amp; Sons" in shown
    assert "1:00 of 10:00 min used" in shown
    ana = signed_in(app, there, "ana@example.org", Role.VIEWER, [there.license.id])
    assert ana.get(f"/admin/quota/{there.license.id}").status_code == 200
    for path in (f"/admin/quota/{other.id}", f"/admin/quota/{other.id}/voice.svg"):
        assert ana.get(path).status_code == 404
    assert "Other" not in page(ana, f"/admin/quota/{there.license.id}")
