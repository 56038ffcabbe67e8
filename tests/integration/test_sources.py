"""Alert sources: changes, tokens that are replaced, and posts that are refused."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from gateway.model.event import EventStatus
from gateway.model.license import SourceKind
from gateway.model.user import Role
from gateway.services import examples, sources
from gateway.services.exceptions import TokenNotKeptError
from gateway.services.tokens import SourceTokens
from gateway.store import SqlRecord
from tests.unit.web.installation import Installation, post
from tests.unit.web.pages import TOKENS, Browser, add_user, with_pages


@pytest.fixture
def there(record: SqlRecord, tmp_path: Path) -> Iterator[Installation]:
    return Installation(record, audio_dir=tmp_path)


@pytest.fixture
def app(there: Installation) -> Flask:
    return with_pages(there)


@pytest.fixture
def root(app: Flask, there: Installation) -> Browser:
    add_user(there)
    browser = Browser(app)
    assert browser.sign_in() == 302
    return browser


def made(there: Installation, name: str = "Gate 2", tokens: SourceTokens = TOKENS) -> sources.NewSource:
    return sources.add_source(
        there.record, tokens, license_id=there.license.id, kind=SourceKind.ANPR, name=name, at=there.clock.now()
    )


def test_replaced_token_is_taken_for_a_while_and_then_no_more(app: Flask, there: Installation) -> None:
    first = made(there)
    second = sources.rotate_token(there.record, TOKENS, source_id=first.source.id, at=there.clock.now())
    client = app.test_client()
    assert post(client, first.token, title="by the former token")[0] == 200
    assert post(client, second.token, title="by the new token")[0] == 200
    there.clock.advance(24 * 3600 - 1)
    assert post(client, first.token, title="just in time")[0] == 200
    there.clock.advance(1)
    assert post(client, first.token, title="too late") == (403, post(client, "tsn_x", title="T")[1])
    assert post(client, second.token, title="goes on")[0] == 200


def test_token_that_leaked_ends_at_once_and_so_does_the_one_before_the_last(app: Flask, there: Installation) -> None:
    first = made(there)
    client = app.test_client()
    second = sources.rotate_token(there.record, TOKENS, source_id=first.source.id, at=there.clock.now())
    third = sources.rotate_token(there.record, TOKENS, source_id=first.source.id, at=there.clock.now())
    assert [post(client, one.token, title=one.token)[0] for one in (first, second, third)] == [403, 200, 200]
    fourth = sources.rotate_token(
        there.record, TOKENS, source_id=first.source.id, at=there.clock.now(), overlap=timedelta()
    )
    assert [post(client, one.token, title=one.token)[0] for one in (second, third, fourth)] == [403, 403, 200]


def test_tokens_are_shown_again_only_where_their_copies_are_kept(there: Installation) -> None:
    kept, once = made(there), made(there, tokens=replace(TOKENS, encryption_key=None))
    shown = sources.reveal_token(there.record, TOKENS, source_id=kept.source.id, at=there.clock.now())
    assert shown.token == kept.token
    with pytest.raises(TokenNotKeptError, match="rotate it"):
        sources.reveal_token(there.record, TOKENS, source_id=once.source.id, at=there.clock.now())
    assert sources.forget_tokens(there.record) == 1
    with pytest.raises(TokenNotKeptError):
        sources.reveal_token(there.record, TOKENS, source_id=kept.source.id, at=there.clock.now())


def test_refused_posts_are_seen_with_their_reason(app: Flask, there: Installation, root: Browser) -> None:
    source = made(there, "Panel <b>7</b>")
    client = app.test_client()
    for _ in range(3):
        assert post(client, source.token, title="")[0] == 400
    assert post(client, source.token, title="T", severity="fatal")[0] == 400
    there.clock.advance(2 * 3600)
    assert post(client, source.token, title="")[0] == 400
    with there.record.read() as work:
        kept = work.refused_posts.of_source(source.source.id, limit=10)
    assert [(one.error, one.count) for one in kept] == [
        ("invalid_title", 1),
        ("invalid_severity", 1),
        ("invalid_title", 3),
    ]
    page = root.get("/admin/sources/").get_data(as_text=True)
    assert "invalid_severity" in page
    assert "Panel &lt;b&gt;7&lt;/b&gt;" in page
    assert "<b>7</b>" not in page


def test_only_the_newest_refusals_of_a_source_are_kept(app: Flask, there: Installation) -> None:
    source = made(there)
    client = app.test_client()
    for number in range(110):
        assert post(client, source.token, title="T", severity=f"s{number % 2}", body=number % 2)[0] == 400
        there.clock.advance(4000)
    with there.record.read() as work:
        assert len(work.refused_posts.of_source(source.source.id, limit=1000)) == 100


def test_source_is_set_up_and_tried_by_the_command_that_is_shown(
    app: Flask, there: Installation, root: Browser
) -> None:
    root.get("/admin/sources/new")
    answer = root.post(
        "/admin/sources/new", license=there.license.id, kind="parking", name="P1 'north'", severity="critical"
    )
    assert answer.status_code == 200
    with there.record.read() as work:
        (source,) = [one for one in work.sources.of_license(there.license.id) if one.name == "P1 'north'"]
    shown = root.client.post(
        f"/admin/sources/{source.id}/curl",
        data={"csrf_token": root._token},
        headers={"Accept": "application/json"},
    ).get_json()
    words = subprocess.run(
        ["/bin/sh", "-c", shown["curl"].replace("curl", "printf '%s\\0'", 1)], capture_output=True, check=True
    )
    arguments = words.stdout.decode().split("\0")
    header = next(word for word in arguments if word.startswith("X-Alert-Token: "))
    document = json.loads(arguments[arguments.index("--data-binary") + 1])
    assert document == examples.of_kind(SourceKind.PARKING).document()
    status, taken = post(app.test_client(), header.partition(": ")[2], **document)
    assert (status, taken["status"]) == (200, "open")
    with there.record.read() as work:
        actions = [entry.action for entry in work.audit.list(license_ids=[there.license.id])]
    assert actions == ["source.token_shown", "source.added"]


def test_source_is_changed_tested_and_turned_off(app: Flask, there: Installation, root: Browser) -> None:
    source = made(there)
    root.get(f"/admin/sources/{source.source.id}/edit")
    fields = {"name": "Gate 3", "kind": "anpr", "severity": "info"}
    assert root.post(f"/admin/sources/{source.source.id}/edit", **fields).status_code == 302
    assert root.post(f"/admin/sources/{source.source.id}/test").status_code == 302
    (event,) = there.all_events()
    assert (event.status, event.severity.value, event.source_id) == (EventStatus.OPEN, "info", source.source.id)
    assert event.title.startswith("Test: ")
    assert there.wakeup.count == 1
    assert root.post(f"/admin/sources/{source.source.id}/enabled").status_code == 302
    assert post(app.test_client(), source.token, title="T")[0] == 403
    root.post(f"/admin/sources/{source.source.id}/test")
    assert "turn it on first" in root.get("/admin/sources/").get_data(as_text=True)
    assert len(there.all_events()) == 1


def test_viewer_sees_sources_and_no_token(app: Flask, there: Installation) -> None:
    source = made(there)
    add_user(there, "eye@example.org", Role.VIEWER, [there.license.id])
    browser = Browser(app)
    assert browser.sign_in("eye@example.org") == 302
    page = browser.get("/admin/sources/").get_data(as_text=True)
    assert "Gate 2" in page
    assert "Copy curl" not in page
    for path in ("curl", "rotate", "test", "enabled", "edit"):
        assert browser.post(f"/admin/sources/{source.source.id}/{path}").status_code == 403
    assert there.all_events() == []


def test_foreign_source_does_not_exist(app: Flask, there: Installation) -> None:
    source = made(there)
    with there.record.write() as work:
        other = work.licenses.add(replace(there.license, name="Other"))
        work.commit()
    add_user(there, "ana@example.org", Role.ADMIN, [other.id])
    browser = Browser(app)
    assert browser.sign_in("ana@example.org") == 302
    base = f"/admin/sources/{source.source.id}"
    assert "Gate 2" not in browser.get("/admin/sources/").get_data(as_text=True)
    gets = [browser.get(base + path).status_code for path in ("", "/edit", "/rotate")]
    posts = [browser.post(base + path).status_code for path in ("/edit", "/curl", "/rotate", "/test", "/enabled")]
    assert set(gets + posts) == {404}
    fields = {"license": there.license.id, "kind": "anpr", "name": "Mine", "severity": "info"}
    assert browser.post("/admin/sources/new", **fields).status_code == 400
    with there.record.read() as work:
        assert [one.name for one in work.sources.of_licenses(None)].count("Mine") == 0
