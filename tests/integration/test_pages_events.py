"""The overview and the tab of events."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.user import Role
from tests.unit.web.installation import Installation, open_event, post
from tests.unit.web.pages import Browser, signed_in, with_pages
from web.admin.live import views as live


def test_overview_tells_what_escalates_and_what_comes_next(app: Flask, there: Installation, root: Browser) -> None:
    assert "All is quiet." in root.text("/admin/overview/")
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Plate <i>ABC</i>", severity="critical")
    page = root.text("/admin/overview/")
    assert "Plate &lt;i&gt;ABC&lt;/i&gt;" in page
    assert "WhatsApp text → Ana" in page, "what comes first"
    there.tell(event_id, ana)
    page = root.text("/admin/overview/")
    assert "voice note → Ana" in page
    assert (there.clock.now() + timedelta(seconds=30)).isoformat() in page, "the end of the wait is counted down to"
    assert root.post(f"/admin/events/{event_id}/acknowledge").status_code == 302
    assert there.event(event_id).status is EventStatus.ACKNOWLEDGED
    assert there.event(event_id).acknowledged_by == "root"
    assert "All is quiet." in root.text("/admin/overview/")


def test_what_needs_attention_is_named(app: Flask, there: Installation, root: Browser) -> None:
    page = root.text("/admin/overview/")
    assert "Harbour &amp; Sons has nobody to tell" in page
    contact = there.add_contact("Ana", "+15550123")
    assert "has nobody to tell" not in root.text("/admin/overview/")
    with there.record.write() as work:
        work.contacts.flag_phone_invalid(contact.id, there.clock.now())
        work.commit()
    event_id = open_event(app.test_client(), "Nobody took this")
    there.close(event_id, EventStatus.EXHAUSTED)
    page = root.text("/admin/overview/")
    assert "Ana has a number that does not exist: +15550123" in page
    assert "Nobody took: Nobody took this" in page


def test_messages_that_failed_and_caps_that_are_near_are_named(app: Flask, there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana")
    first, second = (open_event(app.test_client(), title) for title in ("One", "Two"))
    reasons = {first: "63024", second: "63024"}
    with there.record.write() as work:
        for event_id, reason in [*reasons.items(), (second, "window_closed: 63016")]:
            work.attempts.add(
                Attempt(
                    id=0,
                    event_id=event_id,
                    contact_id=ana.id,
                    level=Level.TEXT,
                    number=1,
                    state=AttemptState.FAILED,
                    began_at=there.clock.now(),
                    ended_at=there.clock.now(),
                    reason=reason,
                )
            )
        work.commit()
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", root.text("/admin/overview/")))
    assert "WhatsApp text: 2 failed in the last 24 hours (63024)" in page
    assert "1 failed" not in page, "what only needed an open window was tried again by template"
    there.change_license(caps={"events_per_month": 2})
    assert "has no events left this month" in root.text("/admin/overview/")
    there.change_license(active=False)
    assert "has no events left this month" not in root.text("/admin/overview/")
    there.clock.advance(86401)
    assert "failed in the last 24 hours" not in root.text("/admin/overview/")


def test_events_are_filtered_and_paged(there: Installation, root: Browser) -> None:
    there.config = there.config.model_copy(
        update={"policy": there.config.policy.model_copy(update={"events_per_minute": 1000})}
    )
    client = with_pages(there).test_client()
    ids = [
        open_event(client, f"Alert number {number}", severity="info" if number % 2 else "critical")
        for number in range(60)
    ]
    there.close(ids[3], EventStatus.RESOLVED)
    first = root.text("/admin/events/")
    assert f"/admin/events/{ids[59]}" in first
    assert f'/admin/events/{ids[9]}"' not in first
    assert f"/admin/events/?before={ids[10]}" in first
    assert f'/admin/events/{ids[9]}"' in root.text(f"/admin/events/?before={ids[10]}")
    critical = root.text("/admin/events/?severity=critical&text=NUMBER+5")
    assert [number for number in range(60) if f'/admin/events/{ids[number]}"' in critical] == [50, 52, 54, 56, 58]
    resolved = root.text("/admin/events/?status=resolved")
    assert [one for one in ids if f'/admin/events/{one}"' in resolved] == [ids[3]]
    assert "No event is like that." in root.text("/admin/events/?text=100%25")
    assert "No event is like that." in root.text("/admin/events/?since=2026-11-21")
    assert f'/admin/events/{ids[59]}"' in root.text("/admin/events/?since=2026-11-20&until=2026-11-20")
    for odd in ("source=999&severity=no&since=x", "until=9999-12-31", "before=-1", "before=99999999999999999999"):
        assert root.get(f"/admin/events/?{odd}").status_code == 200, odd


def test_event_is_shown_with_its_timeline_and_resolved_once(app: Flask, there: Installation, root: Browser) -> None:
    ana = there.add_contact("Ana")
    event_id = open_event(app.test_client(), "Fence", body="zone <3>", payload={"zone": 3})
    there.tell(event_id, ana)
    page = root.text(f"/admin/events/{event_id}")
    for shown in ("Alert accepted", "zone &lt;3&gt;", "{&#34;zone&#34;: 3}", "Ana"):
        assert shown in page, shown
    assert root.post(f"/admin/events/{event_id}/resolve").status_code == 302
    assert there.event(event_id).status is EventStatus.RESOLVED
    root.post(f"/admin/events/{event_id}/resolve")
    root.post(f"/admin/events/{event_id}/acknowledge")
    assert there.event(event_id).status is EventStatus.RESOLVED
    assert "The event was over already." in root.text(f"/admin/events/{event_id}")


def test_ladder_is_drawn_with_what_was_done_what_is_now_and_what_comes(
    app: Flask, there: Installation, root: Browser
) -> None:
    ana, _ben = there.add_contact("Ana"), there.add_contact("Ben")
    event_id = open_event(app.test_client(), "Fence")
    attempt_id = there.tell(event_id, ana)
    page = " ".join(root.text(f"/admin/events/{event_id}").split())
    ladder = page[page.index('class="admin-ladder"') : page.index('id="timeline-title"')]
    names = [ladder.index(name) for name in ("Ana", "Ben", "The owner")]
    assert names == sorted(names), "in the order in which they are told"
    assert ladder.count('aria-current="step"') == 1
    now = ladder[ladder.index('aria-current="step"') :]
    now = now[: now.index("</li>")]
    assert "now" in now
    assert "sent, waiting for an answer" in now
    assert (there.clock.now() + timedelta(seconds=30)).isoformat() in now, "when it goes on"
    assert ladder.count("admin-rung-coming") == 4 + 5 + 1
    with there.record.write() as work:
        attempt = work.attempts.get(attempt_id)
        assert attempt is not None
        work.attempts.update(replace(attempt, state=AttemptState.SKIPPED, reason="window_closed"))
        work.commit()
    page = " ".join(root.text(f"/admin/events/{event_id}").split())
    assert 'left out <span class="text-body-secondary">(WhatsApp&#39;s window is closed)' in page
    there.close(event_id, EventStatus.RESOLVED)
    page = " ".join(root.text(f"/admin/events/{event_id}").split())
    assert 'aria-current="step"' not in page
    assert "admin-rung-coming" not in page
    assert "voice note, phone call: not needed" in page


def test_viewer_looks_and_changes_nothing(app: Flask, there: Installation) -> None:
    event_id = open_event(app.test_client())
    browser = signed_in(app, there, "eye@example.org", Role.VIEWER, [there.license.id])
    assert "Acknowledge</button>" not in browser.text(f"/admin/events/{event_id}")
    assert browser.post(f"/admin/events/{event_id}/acknowledge").status_code == 403
    assert browser.post(f"/admin/events/{event_id}/resolve").status_code == 403
    assert there.event(event_id).status is EventStatus.OPEN


def test_foreign_events_do_not_exist(app: Flask, there: Installation) -> None:
    event_id = open_event(app.test_client(), "Secret of Harbour")
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    browser = signed_in(app, there, "ana@example.org", Role.ADMIN, [other.id])
    assert "Secret of Harbour" not in browser.text("/admin/events/")
    assert "Secret of Harbour" not in browser.text("/admin/overview/")
    version = browser.get("/admin/live/version").get_json()
    post(app.test_client(), title="Another secret")
    assert browser.get("/admin/live/version").get_json() == version
    for path in ("", "/acknowledge", "/resolve"):
        answer = (
            browser.get(f"/admin/events/{event_id}") if not path else browser.post(f"/admin/events/{event_id}{path}")
        )
        assert answer.status_code == 404
    assert there.event(event_id).status is EventStatus.OPEN


def test_a_change_is_told_at_once_and_streams_are_limited(
    app: Flask, root: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.01)
    first, second = (root.client.get("/admin/live/") for _ in range(2))
    assert (first.status_code, first.mimetype) == (200, "text/event-stream")
    assert root.client.get("/admin/live/").status_code == 503, "of eight threads two may stream"
    told = iter(first.response)
    assert next(told) == b"retry: 300\n\n"
    before = next(told)
    assert before.startswith(b"event: version\ndata: ")
    open_event(app.test_client())
    assert next(line for line in told if line.startswith(b"event:")) != before
    first.close()
    again = root.client.get("/admin/live/")
    assert again.status_code == 200, "a stream that ended makes room"
    second.close()
    again.close()
