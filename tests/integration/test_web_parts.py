"""Health, readiness, media, the interface's description, and what every answer has in common."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from gateway.config.schema import Config, WebConfig
from gateway.ports.record import Record, RecordUnavailableError, UnitOfWork
from tests.unit.web.installation import TOKEN, Installation, open_event, post
from web import create_app
from web.services import Part, PartState

pytestmark = pytest.mark.databases("sqlite")


@pytest.fixture
def there(record: Record, tmp_path: Path) -> Installation:
    return Installation(record, audio_dir=tmp_path / "audio")


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


class BrokenRecord:
    """A record whose database is lost: for writing, or altogether."""

    def __init__(self, record: Record, *, reads: bool) -> None:
        self._record = record
        self._reads = reads

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        raise RecordUnavailableError("disk full")
        yield  # type: ignore[unreachable] # makes this a generator, as the port's is

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        if not self._reads:
            raise RecordUnavailableError("no server")
        with self._record.read() as work:
            yield work

    def check(self) -> None:
        raise RecordUnavailableError("disk full")


@pytest.mark.parametrize("reads", [True, False])
def test_alert_that_cannot_be_made_durable_is_unavailable(there: Installation, reads: bool) -> None:
    app = create_app(replace(there.services, record=BrokenRecord(there.record, reads=reads)))
    answer = app.test_client().post("/license/v1/alert/in", json={"title": "T"}, headers={"X-Alert-Token": TOKEN})
    assert (answer.status_code, answer.get_json()["error"]) == (503, "unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert there.all_events() == []
    assert there.wakeup.count == 0


def test_lost_database_is_told_to_people_as_a_page(there: Installation) -> None:
    path = there.link(open_event(there.client()), there.add_contact("Ana"))
    writing_lost = create_app(replace(there.services, record=BrokenRecord(there.record, reads=True))).test_client()
    assert '<button type="submit"' in writing_lost.get(path).get_data(as_text=True)
    answer = writing_lost.post(path)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "Retry-After" in answer.headers


@pytest.mark.parametrize("reads", [True, False])
def test_whoever_replies_to_a_lost_database_is_asked_to_reply_again(there: Installation, reads: bool) -> None:
    there.tell(open_event(there.client()), there.add_contact("Ana", "+15550101"))
    lost = create_app(replace(there.services, record=BrokenRecord(there.record, reads=reads))).test_client()
    form = {"From": "whatsapp:+15550101", "Body": "1", "MessageSid": "SM1"}
    answer = lost.post("/twilio/whatsapp/inbound", data=form, headers={"X-Twilio-Signature": "signed"})
    assert (answer.status_code, answer.mimetype) == (200, "text/xml")
    assert "Please send it again" in answer.get_data(as_text=True)
    assert there.wakeup.count == 1, "the alert's own"


def test_unexpected_fault_is_an_answer_without_a_stack_trace(there: Installation) -> None:
    def broken(_token: str) -> bytes:
        raise ZeroDivisionError("secret")

    client = create_app(replace(there.services, hash_token=broken)).test_client()
    answer = client.post("/license/v1/alert/in", json={"title": "T"}, headers={"X-Alert-Token": TOKEN})
    assert (answer.status_code, answer.get_json()["error"]) == (500, "internal")
    assert "secret" not in answer.get_data(as_text=True)


def test_process_is_healthy_whatever_its_parts_are(there: Installation, client: FlaskClient) -> None:
    there.parts = [Part(name="database", state=PartState.DOWN, detail="no server", needed=True)]
    answer = client.get("/healthz")
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})


@pytest.mark.parametrize(
    ("part", "code", "status"),
    [
        (Part(name="phone", state=PartState.OK, detail="", needed=True), 200, "ok"),
        (Part(name="phone", state=PartState.DEGRADED, detail="one trunk of two", needed=True), 200, "degraded"),
        (Part(name="phone", state=PartState.DOWN, detail="no trunk", needed=False), 200, "degraded"),
        (Part(name="phone", state=PartState.DOWN, detail="no trunk", needed=True), 503, "unavailable"),
    ],
)
def test_readiness_says_which_part_cannot(
    there: Installation, client: FlaskClient, part: Part, code: int, status: str
) -> None:
    there.parts.append(part)
    answer = client.get("/readyz")
    body = answer.get_json()
    assert (answer.status_code, body["status"], body["ready"]) == (code, status, code == 200)
    assert body["parts"]["phone"] == {"state": part.state.value, "needed": part.needed, "detail": part.detail}
    assert body["parts"]["database"]["state"] == "ok"


def test_voice_note_is_sent_as_ogg(there: Installation, client: FlaskClient) -> None:
    there.audio_dir.mkdir()
    (there.audio_dir / "note.ogg").write_bytes(b"OggS")
    with client.get("/media/note.ogg") as answer:
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "audio/ogg", b"OggS")
    with client.get("/media/note.ogg", headers={"Range": "bytes=0-1"}) as part:
        assert part.data == b"Og"


@pytest.mark.parametrize("token", ["forged", "gone", "..", "../secret", "..%2fsecret", "%2fetc%2fpasswd", "a%00b"])
def test_nothing_else_is_sent(there: Installation, client: FlaskClient, token: str) -> None:
    there.audio_dir.mkdir()
    (there.audio_dir / "forged.ogg").write_bytes(b"OggS")
    (there.audio_dir.parent / "secret.ogg").write_bytes(b"secret")
    with client.get(f"/media/{token}.ogg") as answer:
        assert answer.status_code == 404


def test_description_of_the_interface_is_valid_openapi(client: FlaskClient) -> None:
    document = client.get("/openapi.json").get_json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    described = set(document["paths"])
    assert {"/license/v1/alert/in", "/license/v1/alert/{event_id}", "/a/{token}", "/healthz", "/readyz"} <= described


def test_description_holds_for_real_answers(client: FlaskClient) -> None:
    schemas = client.get("/openapi.json").get_json()["components"]["schemas"]
    status, answer = post(client, title="T")
    assert set(schemas["AlertAnswer"]["required"]) <= set(answer) <= set(schemas["AlertAnswer"]["properties"])
    shown = client.get(f"/license/v1/alert/{answer['event_id']}", headers={"X-Alert-Token": TOKEN}).get_json()
    assert set(shown) == set(schemas["EventAnswer"]["properties"])
    refused = post(client, title=5)[1]
    assert set(refused) == set(schemas["ErrorAnswer"]["properties"])
    assert status == 200


def test_unknown_address_is_a_json_error(client: FlaskClient) -> None:
    for path in ("/", "/license/", "/license/v1/alert/in/", "/license/v2/alert/in"):
        answer = client.get(path)
        assert (answer.status_code, answer.get_json()["error"]) == (404, "not_found")


def test_every_answer_carries_the_headers_that_keep_harm_away(client: FlaskClient) -> None:
    for path in ("/healthz", "/nothing", "/a/x", "/license/v1/alert/in", "/static/tocsin.css", "/openapi.json"):
        with client.get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["X-Frame-Options"] == "DENY"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "Strict-Transport-Security" not in answer.headers


def test_browsers_are_held_to_tls_where_the_public_address_has_it(there: Installation) -> None:
    there.config = Config(web=WebConfig(public_url="https://alerts.example.com"))
    assert "max-age" in there.client().get("/healthz").headers["Strict-Transport-Security"]
