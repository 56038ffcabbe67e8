"""The tab of trunks: how they stand, as the engine says, and how they did."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway.app.readiness import parts_of
from gateway.config.schema import Config
from gateway.model.call import Call, CallOutcome
from gateway.model.user import Role
from gateway.ports.heartbeats import Heartbeat, LinesState, TrunkState
from gateway.services.trunk_board import ENGINE_SILENT_AFTER
from gateway.store import SqlRecord
from tests.unit.web.installation import BEGINNING, Installation
from tests.unit.web.pages import Browser, signed_in, with_pages, words

TRUNKS = "/admin/trunks/"
CONFIG = Config.model_validate(
    {
        "asterisk": {
            "nodes": [{"name": "pbx1", "host": "127.0.0.1"}],
            "trunks": [
                {"name": "carrier-a", "node": "pbx1", "host": "sip.a.example", "username": "u", "password": "p"},
                {"name": "carrier-b", "node": "pbx1", "host": "sip.b.example", "qualify": "0s"},
            ],
        },
        "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "t", "voice_from": "+15550100"},
    }
)


@pytest.fixture
def config() -> Config:
    return CONFIG


def beat(there: Installation, *trunks: TrunkState, waiting: int = 0, engine: str = "one") -> None:
    lines = LinesState(waiting=waiting, trunks=trunks)
    with there.record.write() as work:
        work.heartbeats.beat(Heartbeat(engine=engine, at=there.clock.now(), parts={"auditor": "ok"}, lines=lines))
        work.commit()


def call(there: Installation, number: int, **changes: object) -> None:
    contact = there.add_contact("Ana", f"+1555{number:07}")
    one = Call(
        id=f"{number:032x}",
        license_id=there.license.id,
        contact_id=contact.id,
        provider="asterisk",
        node="pbx1",
        trunk="carrier-a",
        to_number=contact.phone,
        started_at=BEGINNING - timedelta(minutes=number),
    )
    with there.record.write() as work:
        work.calls.add(replace(one, **changes))  # type: ignore[arg-type]
        work.commit()


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (TrunkState(trunk="carrier-a", in_use=3, max_calls=30), ("Well", "3 of 30 lines in use", "registered")),
        (TrunkState(trunk="carrier-a", in_use=2, max_calls=2), ("All lines in use",)),
        (TrunkState(trunk="carrier-b", reachable=False), ("the carrier is not asked",)),
        (TrunkState(trunk="carrier-a", demoted=True), ("Worse than the others",)),
        (TrunkState(trunk="carrier-a", registered=False), ("Not registered", "check username and password")),
        (TrunkState(trunk="carrier-a", breaker="half-open"), ("On trial", "One call is to find out")),
        (
            TrunkState(trunk="carrier-a", breaker="open", again_at=BEGINNING + timedelta(seconds=42)),
            ("Left alone", "Tried again in"),
        ),
        (TrunkState(trunk="carrier-a", reachable=False, breaker="open"), ("Carrier does not answer",)),
        (TrunkState(trunk="carrier-a", in_reach=False, reachable=False), ("Phone system away", "tocsin doctor")),
    ],
)
def test_a_trunk_says_how_it_is_and_what_to_do(
    there: Installation, root: Browser, state: TrunkState, told: tuple[str, ...]
) -> None:
    beat(there, state, TrunkState(trunk="twilio", max_calls=10, last_resort=True), waiting=2)
    page = root.text(TRUNKS)
    for expected in (*told, "2 calls wait for a line.", "sip.a.example:5060 udp", "only where no other trunk can"):
        assert expected in words(page), expected
    assert ("the carrier answers" in page) is (state.in_reach and state.reachable), "nothing is known behind a silence"
    if state.again_at is not None:
        assert f'data-countdown="{state.again_at.isoformat()}"' in page


def test_without_an_engine_nothing_is_claimed(there: Installation, root: Browser) -> None:
    page = words(root.text(TRUNKS))
    assert "No engine says how the trunks are" in page
    assert page.count("Not known") == 3
    beat(there, TrunkState(trunk="carrier-a"))
    assert "No engine says" not in root.text(TRUNKS)
    assert words(root.text(TRUNKS)).count("Not known") == 2, "what it says nothing of"
    there.clock.at += ENGINE_SILENT_AFTER
    assert "No engine says" in root.text(TRUNKS), "an old word is no word"


def test_without_trunks_it_says_what_to_configure(record: SqlRecord, tmp_path: Path) -> None:
    there = Installation(record, audio_dir=tmp_path)
    browser = signed_in(with_pages(there), there)
    assert "No trunk is configured" in browser.text(TRUNKS)


def test_the_figures_of_the_chosen_time_are_told(there: Installation, root: Browser) -> None:
    ended = {"ended_at": BEGINNING, "post_dial_delay_ms": 1800}
    call(there, 1, outcome=CallOutcome.ACKNOWLEDGED, answered_at=BEGINNING, billed_seconds=30, **ended)
    call(there, 2, outcome=CallOutcome.TRUNK_TROUBLE, sip_cause=503, hangup_cause=34, ended_at=BEGINNING)
    call(there, 3)
    call(there, 60 * 30, outcome=CallOutcome.BUSY, ended_at=BEGINNING, trunk="gone")
    day = words(root.text(TRUNKS))
    assert "carrier-a 3 1 50 %" in day
    assert "1.8 s" in day
    assert "SIP 503 Service Unavailable" in day
    assert "carrier-b 0 0" in day, "a trunk without calls is shown"
    assert "gone" not in day
    assert "gone 1 0 0 %" in words(root.text("/admin/trunks/?span=7d"))
    assert 'aria-current="true">last 24 hours' in root.text("/admin/trunks/?span=<b>")


def test_an_admin_sees_the_figures_of_their_own_calls_and_no_hosts(app: Flask, there: Installation) -> None:
    call(there, 1, outcome=CallOutcome.TRUNK_TROUBLE, sip_cause=503, ended_at=BEGINNING)
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    beat(there, TrunkState(trunk="carrier-a", in_use=3, max_calls=30))
    browser = signed_in(app, there, "theirs@example.org", Role.ADMIN, [other.id])
    page = browser.text(TRUNKS)
    assert "3 of 30 lines in use" in page
    assert "sip.a.example" not in page
    assert "SIP 503" not in page
    assert "carrier-a 0 0" in words(page)
    eye = signed_in(app, there, "eye@example.org", Role.VIEWER, [there.license.id])
    assert eye.get("/admin/trunks/").status_code == 403
    assert "/admin/trunks/" not in eye.text("/admin/calls/")


def test_a_change_of_the_lines_is_told_to_those_who_look_at_trunks(there: Installation, root: Browser) -> None:
    def version(of: str = "") -> object:
        return root.get(f"/admin/live/version{of}").get_json()["version"]

    beat(there, TrunkState(trunk="carrier-a", in_use=1))
    plain, engine = version(), version("?of=engine")
    assert f'data-version="{engine}"' in root.text(TRUNKS)
    there.clock.advance(2)
    beat(there, TrunkState(trunk="carrier-a", in_use=1))
    assert version("?of=engine") == engine, "the same word again is no news"
    beat(there, TrunkState(trunk="carrier-a", in_use=2))
    assert version("?of=engine") != engine
    assert version() == plain


def test_the_word_of_the_newest_engine_counts(there: Installation, root: Browser) -> None:
    beat(there, TrunkState(trunk="carrier-a", in_use=1, max_calls=9), engine="old")
    there.clock.advance(1)
    beat(there, TrunkState(trunk="carrier-a", in_use=2, max_calls=9), engine="new")
    assert "2 of 9 lines in use" in root.text(TRUNKS)


def parts(there: Installation) -> dict[str, tuple[str, str]]:
    found = parts_of(there.config, there.record, there.clock)
    return {part.name: (part.state.value, part.detail) for part in found if part.name.startswith("trunk ")}


def test_readiness_tells_how_the_trunks_are_and_when_that_is_not_known(there: Installation) -> None:
    beat(
        there,
        TrunkState(trunk="carrier-a", max_calls=2, breaker="open"),
        TrunkState(trunk="carrier-b", max_calls=2, in_use=2),
    )
    assert parts(there) == {
        "trunk carrier-a": ("degraded", "left alone for a while, because call after call failed"),
        "trunk carrier-b": ("ok", "well; every line has a call"),
    }
    there.clock.advance(ENGINE_SILENT_AFTER.total_seconds())
    assert {name: state for name, (state, _) in parts(there).items()} == {
        "trunk carrier-a": "degraded",
        "trunk carrier-b": "degraded",
        "trunk twilio": "degraded",
    }
    assert parts(there)["trunk carrier-a"][1] == "not known: no engine has said how it is of late"


def test_overview_names_trunks_and_parts_that_are_in_trouble_and_an_engine_that_is_silent(
    there: Installation, root: Browser
) -> None:
    assert "No engine runs: alerts are taken, and nobody is told of them." in words(root.text("/admin/overview/"))
    lines = LinesState(
        trunks=(
            TrunkState(trunk="carrier-a", max_calls=2, reachable=False),
            TrunkState(trunk="carrier-b", max_calls=2),
        )
    )
    said = {"auditor": "ok", "asterisk pbx1": "not connected since noon: <refused>"}
    with there.record.write() as work:
        work.heartbeats.beat(Heartbeat(engine="one", at=there.clock.now(), parts=said, lines=lines))
        work.commit()
    page = words(root.text("/admin/overview/"))
    assert "No engine runs" not in page
    assert "Trunk carrier-a : its carrier does not answer" in page
    assert "asterisk pbx1: not connected since noon: &lt;refused&gt;" in page
    assert "Trunk carrier-b" not in page
    there.clock.advance(ENGINE_SILENT_AFTER.total_seconds())
    assert "No engine runs" in words(root.text("/admin/overview/"))
    assert "Last sign of life:" in words(root.text("/admin/overview/"))
