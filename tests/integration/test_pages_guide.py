"""The tab that shows how alerts are posted."""

import json
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from html import unescape
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from flask import Flask

from gateway.model.event import EventStatus, Severity
from gateway.model.license import SourceKind
from gateway.model.user import Role
from gateway.services import examples, sources
from gateway.services.sources import NewSource
from tests.unit.web.installation import Installation
from tests.unit.web.pages import TOKENS, Browser, signed_in

pytestmark = pytest.mark.databases("sqlite")

GUIDE = "/admin/guide/"


@pytest.fixture
def made(there: Installation) -> NewSource:
    """Return a source whose token is kept."""
    return sources.add_source(
        there.record,
        TOKENS,
        license_id=there.license.id,
        kind=SourceKind.SECURITY,
        name="Test panel",
        severity=Severity.INFO,
        at=there.clock.now(),
    )


def of_role(app: Flask, there: Installation, role: Role, licenses: tuple[int, ...] = ()) -> Browser:
    return signed_in(app, there, f"{role.value}@example.org", role, licenses)


@pytest.fixture
def admin(app: Flask, there: Installation) -> Browser:
    return of_role(app, there, Role.ADMIN, (there.license.id,))


def text(browser: Browser, path: str = GUIDE) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, answer.status
    return unescape(answer.get_data(as_text=True))


def audit(there: Installation) -> list[tuple[str, object]]:
    with there.record.read() as work:
        return [(one.action, one.after) for one in work.audit.list(license_ids=None, before_id=None, limit=10)]


def test_guide_has_the_readers_host_and_no_token(there: Installation, made: NewSource, admin: Browser) -> None:
    shown = text(admin)
    assert f"POST {there.config.web.public_url.rstrip('/')}/license/v1/alert/in" in shown
    assert "YOUR-TOKEN" in shown
    assert made.token not in shown
    for words in ("Blacklisted plate", "Car park North", "Intrusion"):
        assert words in shown
    assert "source.token_shown" not in dict(audit(there))


def test_token_is_filled_in_on_demand_and_that_is_audited(there: Installation, made: NewSource, admin: Browser) -> None:
    admin.get(GUIDE)
    answer = admin.post("/admin/guide/token", source=made.source.id)
    shown = unescape(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    # The request on top, and each example twice.
    assert shown.count(made.token) == 7
    assert "YOUR-TOKEN" not in shown
    assert audit(there)[0] == ("source.token_shown", None)


def test_token_that_is_not_kept_is_not_shown_and_the_way_out_is_said(there: Installation, admin: Browser) -> None:
    admin.get(GUIDE)
    answer = admin.post("/admin/guide/token", source=there.source.id)
    assert answer.status_code == 302
    assert "rotate it to get a new one" in text(admin)


@pytest.mark.parametrize("kind", ["anpr", "parking", "security"])
def test_run_raises_the_example_and_shows_the_answer_with_its_event(
    there: Installation, made: NewSource, admin: Browser, kind: str
) -> None:
    assert 'data-ask="This really escalates' in text(admin)
    answer = admin.post(f"/admin/guide/run/{kind}", source=made.source.id)
    assert answer.location == f"/admin/guide/?source={made.source.id}#example-{kind}"
    (event,) = there.all_events()
    assert (event.status, event.source_id) == (EventStatus.OPEN, made.source.id)
    assert (event.title, event.dedup_key) == (
        examples.of_kind(SourceKind(kind)).title,
        examples.of_kind(SourceKind(kind)).dedup_key,
    )
    assert there.wakeup.count == 1
    shown = text(admin, answer.location.partition("#")[0])
    assert f'200 {{"ok": true, "event_id": {event.id}, "status": "open", "deduplicated": false}}' in shown
    assert f'href="/admin/events/{event.id}"' in shown
    assert "The answer:" not in text(admin), "an answer is shown once"
    assert audit(there)[0] == ("source.tested", {"example": kind})


def test_second_run_is_a_repeat_and_wakes_nobody(there: Installation, made: NewSource, admin: Browser) -> None:
    admin.get(GUIDE)
    for _ in range(2):
        admin.post("/admin/guide/run/anpr", source=made.source.id)
    assert len(there.all_events()) == 1
    assert there.wakeup.count == 1
    assert "nobody is told anew" in text(admin)


def test_run_says_why_it_cannot(there: Installation, made: NewSource, admin: Browser) -> None:
    admin.get(GUIDE)
    there.change_license(active=False)
    admin.post("/admin/guide/run/anpr", source=made.source.id)
    assert "The license is not active." in text(admin)
    with there.record.write() as work:
        work.sources.update(replace(made.source, enabled=False))
        work.commit()
    admin.post("/admin/guide/run/anpr", source=made.source.id)
    assert "Test panel is off" in text(admin)
    assert there.all_events() == []


def test_what_is_not_there_or_anothers_cannot_be_run_or_shown(app: Flask, there: Installation, made: NewSource) -> None:
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, id=0, name="Other"))
        work.commit()
    stranger = of_role(app, there, Role.ADMIN, (other.id,))
    assert "Test panel" not in text(stranger)
    assert "There is no source that takes posts yet." in text(stranger)
    stranger.get("/admin/account")
    for path in ("/admin/guide/run/anpr", "/admin/guide/token"):
        assert stranger.post(path, source=made.source.id).status_code == 404
        assert stranger.post(path, source=999).status_code == 404
        assert stranger.post(path).status_code == 400
        assert stranger.client.post(path, data={"source": made.source.id}).status_code == 400, "no CSRF token"
    assert stranger.post("/admin/guide/run/webhook", source=made.source.id).status_code == 404
    assert there.all_events() == []


def test_viewer_reads_and_runs_nothing(app: Flask, there: Installation, made: NewSource) -> None:
    viewer = of_role(app, there, Role.VIEWER, (there.license.id,))
    shown = text(viewer)
    assert "Fill in its token" not in shown
    assert "data-ask" not in shown
    viewer.get("/admin/account")
    for path in ("/admin/guide/run/anpr", "/admin/guide/token"):
        assert viewer.post(path, source=made.source.id).status_code == 403


class Taken(BaseHTTPRequestHandler):
    """Takes posts as the webhook does."""

    posts: list[tuple[str, str | None, Any]]

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.posts.append((self.path, self.headers["X-Alert-Token"], json.loads(self.rfile.read(length))))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"taken")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Keep the tests' output for failures."""


@pytest.mark.parametrize("language", ["curl", "python"])
def test_examples_work_when_they_are_pasted(language: str) -> None:
    Taken.posts = []
    server = HTTPServer(("127.0.0.1", 0), Taken)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        document = examples.of_kind(SourceKind.ANPR).document() | {"body": 'It\'s "quoted" \\ ümlaut $HOME `x`'}
        written = getattr(examples, language)(f"http://127.0.0.1:{server.server_port}/", "tsn_t'\"", document)
        shell = shutil.which("sh")
        assert shell
        command = [sys.executable, "-c", written] if language == "python" else [shell, "-c", written]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert done.stdout.strip() == "taken"
    assert Taken.posts == [("/license/v1/alert/in", "tsn_t'\"", document)]
