"""The tab of calls: found again, explained, exported."""

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from gateway.model.attempt import Attempt, AttemptState, Level
from gateway.model.call import Call, CallOutcome, CallQuality
from gateway.model.contact import Contact
from gateway.model.license import License
from gateway.model.user import Role
from tests.unit.web.installation import BEGINNING, Installation, open_event
from tests.unit.web.pages import Browser, signed_in, words
from web.admin.calls import views

MINUTE = timedelta(minutes=1)


@pytest.fixture
def ana(there: Installation) -> Contact:
    return there.add_contact("Ana", "+15550123")


def a_call(contact: Contact, number: int = 0, **changes: object) -> Call:
    call = Call(
        id=f"{number:032x}",
        license_id=contact.license_id,
        contact_id=contact.id,
        provider="asterisk",
        node="pbx1",
        trunk="carrier-a",
        to_number=contact.phone,
        started_at=BEGINNING + number * MINUTE,
    )
    return replace(call, **changes)  # type: ignore[arg-type]


def add(there: Installation, *calls: Call, event_id: int | None = None) -> None:
    with there.record.write() as work:
        for call in calls:
            work.calls.add(call)
            if event_id is not None:
                attempt = Attempt(
                    id=0,
                    event_id=event_id,
                    contact_id=call.contact_id,
                    level=Level.CALL,
                    number=1,
                    state=AttemptState.PENDING,
                    began_at=call.started_at,
                    call_id=call.id,
                )
                work.calls.tie(call.id, [work.attempts.add(attempt).id])
        work.commit()


def whole(contact: Contact, number: int = 1) -> Call:
    at = BEGINNING + number * MINUTE
    return a_call(
        contact,
        number,
        caller_id="+15550100",
        ringing_at=at + timedelta(milliseconds=1234),
        post_dial_delay_ms=1234,
        answered_at=at + timedelta(seconds=9),
        ended_at=at + timedelta(seconds=31),
        digits="3p1",
        digit_times=(at + timedelta(seconds=12), at + timedelta(seconds=15), at + timedelta(seconds=19)),
        outcome=CallOutcome.ACKNOWLEDGED,
        sip_cause=200,
        hangup_cause=16,
        billed_seconds=22,
        sip_call_id="7f3c-1@192.0.2.10",
        quality=CallQuality(codec="alaw", jitter_ms=2.5, lost_received_percent=7.0, round_trip_ms=412.0),
        audio_sha256="ab" * 32,
    )


def shown_ids(page: str) -> list[int]:
    return [int(found, 16) for found in re.findall(r'<td><a [^>]*href="/admin/calls/([0-9a-f]{32})"', page)]


def test_a_call_is_told_whole_and_in_words(app: Flask, there: Installation, root: Browser, ana: Contact) -> None:
    event_id = open_event(app.test_client(), "Plate <i>ABC</i>")
    call = whole(ana)
    add(there, call, event_id=event_id)
    page = root.text(f"/admin/calls/{call.id}")
    told = words(page)
    for expected in (
        "Call to Ana",
        "Acknowledged",
        "The callee acknowledged.",
        "Dialled +15550123 through carrier-a",
        "The phone rings 1.2 s after the number was sent",
        "Answered after ringing for 8 seconds",
        "Key 3 has no meaning in the menu",
        "Key 1 with a wrong PIN: it did not count",
        "Key 1 acknowledge",
        "Ended 22 seconds after the answer",
        "Lost towards us 7 % poor",
        "Jitter 2.5 ms good",
        "There and back 412 ms fair",
        "Sound poor",
        "+15550100",
        "7f3c-1@192.0.2.10",
        "Plate &lt;i&gt;ABC&lt;/i&gt;",
    ):
        assert expected in told, expected
    assert f'href="/admin/events/{event_id}"' in page
    assert 'datetime="2026-11-20T12:01:12.000Z"' in page, "keys have their times"
    assert f'href="/admin/calls/{call.id}"' in root.text(f"/admin/events/{event_id}"), "the event links its calls"
    assert f'href="/admin/calls/{call.id}"' in root.text("/admin/overview/"), "what goes on is linked"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"outcome": CallOutcome.TRUNK_TROUBLE, "sip_cause": 503, "hangup_cause": 34},
            "SIP 503 Service Unavailable",
        ),
        ({"outcome": CallOutcome.TRUNK_TROUBLE, "sip_cause": 401}, "Whoever runs this gateway: Check username"),
        ({"outcome": CallOutcome.BUSY, "hangup_cause": 17}, "Q.850 17"),
        ({"outcome": CallOutcome.INVALID_NUMBER, "sip_cause": 404}, "the number does not exist"),
        ({"outcome": CallOutcome.LOST}, "It was dialled, and nobody saw how it ended."),
        ({"outcome": CallOutcome.TRUNK_TROUBLE, "provider": "twilio", "node": "twilio"}, "Asterisk did not send"),
    ],
)
def test_a_call_that_failed_says_why_and_who_acts(
    there: Installation, root: Browser, ana: Contact, changes: dict[str, object], expected: str
) -> None:
    call = a_call(ana, ended_at=BEGINNING + MINUTE, **changes)
    add(there, call)
    assert expected in words(root.text(f"/admin/calls/{call.id}"))


def test_a_call_in_progress_is_followed(there: Installation, root: Browser, ana: Contact) -> None:
    call = a_call(ana, ringing_at=BEGINNING, digits="1")
    add(there, call)
    page = root.text(f"/admin/calls/{call.id}")
    assert "live.js" in page
    assert "still in progress" in page
    assert "time not kept" in page, "a key of an older version"
    assert "It is measured when the call is over." in page
    assert shown_ids(root.text("/admin/calls/?outcome=in_progress")) == [0]


def test_calls_are_filtered(there: Installation, root: Browser, ana: Contact) -> None:
    bob = there.add_contact("Bob", "+445550999")
    day = timedelta(days=1)
    add(
        there,
        a_call(ana, 1, outcome=CallOutcome.BUSY, ended_at=BEGINNING + MINUTE),
        a_call(ana, 2, outcome=CallOutcome.NO_ANSWER, ended_at=BEGINNING + MINUTE, trunk="carrier-b"),
        a_call(bob, 3, outcome=CallOutcome.BUSY, ended_at=BEGINNING + MINUTE, started_at=BEGINNING + day),
        a_call(bob, 4, started_at=BEGINNING + 2 * day),
    )
    for asked, expected in (
        ("", [4, 3, 2, 1]),
        ("?outcome=busy", [3, 1]),
        ("?trunk=carrier-b", [2]),
        ("?number=%2B1+555-0123", [2, 1]),
        ("?number=0044+555+0999&outcome=busy", [3]),
        ("?since=2026-11-21", [4, 3]),
        ("?since=2026-11-21&until=2026-11-21", [3]),
        ("?until=2026-11-20", [2, 1]),
        ("?number=%2B99999", []),
    ):
        assert shown_ids(root.text(f"/admin/calls/{asked}")) == expected, asked
    assert "No call is like that." in root.text("/admin/calls/?number=%2B99999")
    assert '<option selected value="gone">gone</option>' in root.text("/admin/calls/?trunk=gone")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("number=0123", "Write it in full"),
        ("number=" + "9" * 50, "cannot be longer"),
        ("outcome=<b>", "Not a valid choice"),
        ("since=yesterday", "Not a valid date"),
        ("since=2026-11-21&until=2026-11-20", "before the first day"),
        ("before=zz&until=9999-12-31", ""),
    ],
)
def test_a_filter_that_cannot_be_read_is_explained(
    there: Installation, root: Browser, ana: Contact, asked: str, told: str
) -> None:
    add(there, a_call(ana))
    page = root.text(f"/admin/calls/?{asked}")
    assert told in page
    assert shown_ids(page) == [0]
    assert ("export.csv" in page) is (not told)
    answer = root.get(f"/admin/calls/export.csv?{asked}")
    assert answer.status_code == (302 if told else 200)
    answer.close()


def test_pages_follow_each_other_where_calls_began_together(there: Installation, root: Browser, ana: Contact) -> None:
    add(there, *(a_call(ana, number, started_at=BEGINNING + MINUTE * (number // 30)) for number in range(120)))
    seen: list[int] = []
    path: str | None = "/admin/calls/?trunk=carrier-a"
    while path:
        page = root.text(path)
        seen += shown_ids(page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = older[1].replace("&amp;", "&") if older else None
    assert seen == list(range(119, -1, -1))


def second_license(there: Installation, name: str) -> tuple[License, Contact]:
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name=name))
        contact = work.contacts.add(
            Contact(
                id=0,
                license_id=other.id,
                name=f"{name}'s",
                phone="+15550777",
                whatsapp="+15550777",
                language="en",
                position=1,
            ),
            pin_hash=None,
        )
        work.commit()
    return other, contact


def test_nobody_sees_another_licenses_calls(app: Flask, there: Installation, ana: Contact) -> None:
    other, theirs = second_license(there, "Other")
    third, also_theirs = second_license(there, "Third")
    add(there, a_call(ana, 1), a_call(theirs, 2), a_call(also_theirs, 3), a_call(theirs, 4))
    browser = signed_in(app, there, "eye@example.org", Role.VIEWER, [other.id, third.id])
    assert shown_ids(browser.text("/admin/calls/")) == [4, 3, 2], "those of both licenses, in their order"
    assert shown_ids(browser.text(f"/admin/calls/?before={1:032x}")) == [4, 3, 2], "another's call is no bookmark"
    assert shown_ids(browser.text(f"/admin/calls/?before={3:032x}")) == [2]
    assert shown_ids(browser.text("/admin/calls/?number=%2B15550123")) == []
    assert browser.get(f"/admin/calls/{1:032x}").status_code == 404
    assert browser.get(f"/admin/calls/{2:032x}").status_code == 200
    for nothing in ("5" * 32, "zz", f"{1:032x}"[:8]):
        assert browser.get(f"/admin/calls/{nothing}").status_code == 404
    exported = browser.text("/admin/calls/export.csv")
    assert [int(row["id"], 16) for row in csv.DictReader(io.StringIO(exported))] == [2, 3, 4]
    stranger = Browser(app)
    assert stranger.get("/admin/calls/").status_code == 302
    assert stranger.get("/admin/calls/export.csv").status_code == 302


def test_calls_are_exported_as_filtered(there: Installation, root: Browser, ana: Contact) -> None:
    add(there, whole(ana, 1), a_call(ana, 2, sip_call_id="=cmd()"))
    answer = root.get("/admin/calls/export.csv")
    assert answer.mimetype == "text/csv"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="calls-2026-11-20.csv"'
    first, second = csv.DictReader(io.StringIO(answer.get_data(as_text=True)))
    assert (first["outcome"], first["digits"], first["codec"]) == ("acknowledged", "3p1", "alaw")
    assert first["to_number"] == "+15550123"
    assert second["sip_call_id"] == "'=cmd()", "no spreadsheet runs what a carrier sends"
    filtered = root.text("/admin/calls/export.csv?outcome=acknowledged&before=zz")
    assert len(filtered.splitlines()) == 2


def test_one_export_at_a_time(
    there: Installation, root: Browser, ana: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_ROWS_SENT_TOGETHER", 1)
    add(there, *(a_call(ana, number) for number in range(5)))
    first = root.client.get("/admin/calls/export.csv")
    refused = root.get("/admin/calls/export.csv?trunk=carrier-a")
    assert refused.headers["Location"] == "/admin/calls/?trunk=carrier-a"
    assert "Another export is under way." in root.text("/admin/calls/")
    first.close()
    assert len(root.text("/admin/calls/export.csv").splitlines()) == 6, "an export that was broken off makes room"
