"""The addresses of voice notes: signed, for a while, and for nothing but audio of ours."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from gateway.ports.record import Record
from gateway.services.media import MediaSigner
from tests.unit.web.installation import Installation
from web import create_app

pytestmark = pytest.mark.databases("sqlite")

SIGNER = MediaSigner(bytes(range(32)))
NOTE = b"OggS" + bytes(range(256)) * 8


@pytest.fixture
def client(record: Record, tmp_path: Path) -> FlaskClient:
    audio = tmp_path / "audio"
    (audio / "ab").mkdir(parents=True)
    (audio / "ab" / "note.ogg").write_bytes(NOTE)
    (tmp_path / "secret.ogg").write_bytes(b"secret")
    there = Installation(record, audio_dir=audio)
    return create_app(replace(there.services, media=SIGNER)).test_client()


def path_of(name: str, signer: MediaSigner = SIGNER) -> str:
    return f"/media/{signer.sign(name)}.ogg"


def test_a_provider_gets_the_note_whole_in_parts_and_its_head(client: FlaskClient) -> None:
    path = path_of("ab/note.ogg")
    with client.get(path) as whole:
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "audio/ogg", NOTE)
    with client.head(path) as head:
        assert (head.status_code, head.mimetype, head.data) == (200, "audio/ogg", b"")
        assert int(head.headers["Content-Length"]) == len(NOTE)
    with client.get(path, headers={"Range": "bytes=4-7"}) as part:
        assert (part.status_code, part.data) == (206, NOTE[4:8])
        assert part.headers["Content-Range"] == f"bytes 4-7/{len(NOTE)}"
    with client.get(path, headers={"Range": f"bytes={len(NOTE)}-"}) as beyond:
        assert beyond.status_code == 416


def test_an_address_is_good_for_a_while_only(client: FlaskClient) -> None:
    over = MediaSigner(SIGNER.key, lifetime=timedelta(seconds=-1))
    assert over.read(over.sign("ab/note.ogg")) is None
    assert SIGNER.read(over.sign("ab/note.ogg")) == "ab/note.ogg"
    with client.get(path_of("ab/note.ogg")) as answer:
        assert answer.status_code == 200


def test_an_address_that_was_changed_is_unknown(client: FlaskClient) -> None:
    token = SIGNER.sign("ab/note.ogg")
    other_key = MediaSigner(b"another key of as many bytes as!").sign("ab/note.ogg")
    # Of the last sign some bits stand for nothing: the signature's first is changed.
    signed, _, signature = token.rpartition(".")
    for changed in (
        f"{signed}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}",
        "x" + token,
        token.partition(".")[0],
        other_key,
        "",
    ):
        assert client.get(f"/media/{changed}.ogg").status_code == 404, changed


@pytest.mark.parametrize(
    "name", ["../secret.ogg", "ab/../../secret.ogg", "/etc/passwd.ogg", "gone.ogg", "ab/note.wav", "ab", "\0.ogg", ""]
)
def test_even_a_signed_name_leads_nowhere_but_to_audio(client: FlaskClient, name: str) -> None:
    assert client.get(path_of(name)).status_code == 404
