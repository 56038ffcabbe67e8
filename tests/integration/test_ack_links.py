"""Acknowledgement links: who looks, who acknowledges, who is told what."""

from datetime import timedelta

import pytest
from flask.testing import FlaskClient

from gateway.config.schema import AckLinksConfig, Config
from gateway.model.acknowledgement import AcknowledgedVia
from gateway.model.attempt import AttemptState, Level
from gateway.model.event import EventStatus
from gateway.model.timeline import TimelineType
from gateway.ports.record import Record, SignalKind
from gateway.services.acknowledge import acknowledge
from tests.unit.web.installation import Installation, open_event


@pytest.fixture
def there(record: Record) -> Installation:
    return Installation(record)


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


def test_looking_never_acknowledges(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    path = there.link(event_id, there.add_contact("Ana"))
    for _ in range(3):
        assert client.get(path).status_code == 200
        assert client.head(path).status_code == 200
        assert client.options(path).status_code == 200
    assert there.event(event_id).status is EventStatus.OPEN
    assert there.timeline(event_id) == [TimelineType.ACCEPTED, TimelineType.LINK_OPENED]


def test_page_shows_the_alert_in_the_licenses_time(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client, "<b>Plate</b> & more", body="line 1\nline 2", severity="critical")
    page = client.get(there.link(event_id, there.add_contact("Ana"))).get_data(as_text=True)
    for text in ("&lt;b&gt;Plate&lt;/b&gt; &amp; more", "line 1\nline 2", "Critical", "Harbour &amp; Sons"):
        assert text in page
    assert "20 Nov 2026, 13:00 CET" in page


def test_post_acknowledges_for_the_contact(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    path = there.link(event_id, there.add_contact("Ana"))
    there.clock.advance(7)
    answer = client.post(path)
    assert answer.status_code == 200
    assert "You have it" in answer.get_data(as_text=True)
    event = there.event(event_id)
    assert (event.status, event.acknowledged_by, event.acknowledged_via) == (EventStatus.ACKNOWLEDGED, "Ana", "link")
    assert event.acknowledged_at == there.clock.now()
    assert there.signals()[-1] == (SignalKind.EVENT_CHANGED, event_id)
    assert there.wakeup.count == 2


def test_posting_again_changes_nothing(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    path = there.link(event_id, there.add_contact("Ana"))
    client.post(path)
    before = (there.event(event_id), there.timeline(event_id))
    there.clock.advance(60)
    assert "You have it" in client.post(path).get_data(as_text=True)
    assert (there.event(event_id), there.timeline(event_id)) == before


def test_second_person_is_told_who_acknowledged_first(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    ana, ben = there.add_contact("Ana", "+15550101"), there.add_contact("Ben", "+15550102")
    client.post(there.link(event_id, ana))
    path = there.link(event_id, ben)
    for answer in (client.get(path), client.post(path)):
        text = answer.get_data(as_text=True)
        assert "Ana</span> has it" in text
        assert "You have it" not in text
    assert there.event(event_id).acknowledged_by == "Ana"
    assert there.timeline(event_id)[-1] is TimelineType.ACKNOWLEDGED_AGAIN


def test_late_acknowledgement_is_marked_at_the_alert_and_not_at_the_stand_down(
    there: Installation, client: FlaskClient
) -> None:
    event_id = open_event(client)
    ana, ben = there.add_contact("Ana", "+15550101"), there.add_contact("Ben", "+15550102")
    told = there.tell(event_id, ben)
    client.post(there.link(event_id, ana))
    stood_down = there.tell(event_id, ben, level=Level.STAND_DOWN)
    client.post(there.link(event_id, ben))
    with there.record.read() as work:
        states = {attempt.id: attempt.state for attempt in work.attempts.of_event(event_id)}
    assert states == {told: AttemptState.ACKNOWLEDGED, stood_down: AttemptState.SENT}


def test_acknowledgement_by_phone_shows_on_the_page(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    ana = there.add_contact("Ana")
    acknowledge(
        there.record, event_ids=[event_id], contact_id=ana.id, by=None, via=AcknowledgedVia.DTMF, at=there.clock.now()
    )
    assert "You have it" in client.get(there.link(event_id, ana)).get_data(as_text=True)


def test_exhausted_event_can_still_be_acknowledged(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    there.close(event_id, EventStatus.EXHAUSTED)
    assert "You have it" in client.post(there.link(event_id, there.add_contact("Ana"))).get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.ACKNOWLEDGED


def test_withdrawn_event_is_over_for_everybody(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    there.close(event_id, EventStatus.RESOLVED)
    path = there.link(event_id, there.add_contact("Ana"))
    for answer in (client.get(path), client.post(path)):
        assert "The alert is over" in answer.get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.RESOLVED
    assert TimelineType.ACKNOWLEDGED_AGAIN not in there.timeline(event_id)


@pytest.mark.parametrize("token", ["x", "1", "1.", "1.AAAAAAAAAAAAAAAAAAAAAA", "%00", "é", "a" * 3000, ".", ".."])
def test_unknown_link_is_not_found(client: FlaskClient, token: str) -> None:
    for answer in (client.get(f"/a/{token}"), client.post(f"/a/{token}")):
        assert answer.status_code in {404, 308}
        assert "Traceback" not in answer.get_data(as_text=True)


def test_token_of_one_link_does_not_open_another(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    path = there.link(event_id, there.add_contact("Ana"))
    signature = path.rpartition(".")[2]
    for number in range(5):
        if not path.startswith(f"/a/{number}."):
            assert client.post(f"/a/{number}.{signature}").status_code == 404
    assert there.event(event_id).status is EventStatus.OPEN


def test_signed_link_that_the_record_does_not_have_is_not_found(there: Installation, client: FlaskClient) -> None:
    answer = client.get("/a/" + there.links.sign(999))
    assert answer.status_code == 404
    assert "This link is not known" in answer.get_data(as_text=True)


def test_expired_link_is_gone(there: Installation, client: FlaskClient) -> None:
    event_id = open_event(client)
    path = there.link(event_id, there.add_contact("Ana"), lifetime=timedelta(hours=1))
    there.clock.advance(3599)
    assert client.get(path).status_code == 200
    there.clock.advance(1)
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 410
        assert "expired" in answer.get_data(as_text=True)
    assert there.event(event_id).status is EventStatus.OPEN


def test_page_is_kept_out_of_caches_search_engines_and_frames(there: Installation, client: FlaskClient) -> None:
    path = there.link(open_event(client), there.add_contact("Ana"))
    for answer in (client.get(path), client.post(path), client.get("/a/x")):
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "https://" not in answer.get_data(as_text=True)


def test_other_methods_are_refused_with_a_page(there: Installation, client: FlaskClient) -> None:
    answer = client.delete(there.link(open_event(client), there.add_contact("Ana")))
    assert (answer.status_code, answer.mimetype) == (405, "text/html")
    assert "POST" in answer.headers["Allow"]


def test_script_is_left_out_where_a_tap_is_required(record: Record) -> None:
    there = Installation(record, config=Config(ack_links=AckLinksConfig(require_tap=True)))
    client = there.client()
    path = there.link(open_event(client), there.add_contact("Ana"))
    page = client.get(path).get_data(as_text=True)
    assert "acknowledge.js" not in page
    assert '<button type="submit"' in page
    assert "You have it" in client.post(path).get_data(as_text=True)


def test_scripts_and_styles_are_served_from_here(there: Installation, client: FlaskClient) -> None:
    path = there.link(open_event(client), there.add_contact("Ana"))
    page = client.get(path).get_data(as_text=True)
    for asset in (
        "/a/static/acknowledge.js",
        "/static/small.css",
        "/static/tocsin.svg",
    ):
        assert f'"{asset}"' in page
        with client.get(asset) as answer:
            assert answer.status_code == 200
