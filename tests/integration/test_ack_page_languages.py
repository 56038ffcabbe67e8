"""The acknowledgement page speaks the language of whoever was told."""

import html

import pytest
from flask.testing import FlaskClient

from gateway.model.event import EventStatus
from gateway.store import SqlRecord
from tests.contact_edits import set_language
from tests.unit.web.installation import Installation, open_event


@pytest.fixture
def there(record: SqlRecord) -> Installation:
    return Installation(record)


@pytest.fixture
def client(there: Installation) -> FlaskClient:
    return there.client()


def _page(client: FlaskClient, path: str, **headers: str) -> str:
    return html.unescape(client.get(path, headers=headers).get_data(as_text=True))


@pytest.mark.parametrize(
    ("language", "lang", "words"),
    [
        ("en", "en", ["I'm on it", "Warning", "raised 20 Nov 2026, 13:00 CET"]),
        ("en-US", "en-US", ["I'm on it", "raised Nov 20, 2026, 13:00 CET"]),
        ("es", "es", ["Me encargo", "Aviso", "20 nov 2026, 13:00 CET"]),
        ("pt-BR", "pt-BR", ["Eu cuido disso", "Aviso", "20 de nov. de 2026"]),
        ("zh", "zh-Hans", ["我来处理", "警告", "2026年11月20日 13:00 CET"]),
        ("zh-HK", "yue-Hant", ["我嚟處理", "警告", "2026年11月20日 13:00 CET"]),
        ("fr", "fr", ["Je m'en occupe", "Avertissement", "20 nov. 2026, 13:00 CET"]),
        ("de", "de", ["Ich kümmere mich", "Warnung", "20. Nov. 2026, 13:00 CET"]),
        ("it", "en", ["I'm on it"]),
    ],
)
def test_the_page_is_in_the_language_of_the_contact(
    there: Installation, client: FlaskClient, language: str, lang: str, words: list[str]
) -> None:
    ana = there.add_contact("Ana", language=language)
    page = _page(client, there.link(open_event(client, severity="warn"), ana))
    assert f'<html lang="{lang}">' in page
    assert [word for word in words if word not in page] == []
    assert len(page.encode()) < 30 * 1024


def test_whoever_has_it_is_named_in_the_sentence_and_cannot_write_into_the_page(
    there: Installation, client: FlaskClient
) -> None:
    ana, ben = there.add_contact("<b>Ana</b> {x}", language="de"), there.add_contact("Ben", "+15550102", language="zh")
    event_id = open_event(client)
    mine = client.post(there.link(event_id, ana)).get_data(as_text=True)
    assert 'Bestätigt von <span dir="auto">&lt;b&gt;Ana&lt;/b&gt; {x}</span>' in mine
    taken = client.get(there.link(event_id, ben)).get_data(as_text=True)
    assert '<span dir="auto">&lt;b&gt;Ana&lt;/b&gt; {x}</span>正在处理' in taken


def test_an_edit_of_the_language_changes_the_next_alert_and_not_a_running_one(
    there: Installation, client: FlaskClient, record: SqlRecord
) -> None:
    ana = there.add_contact("Ana", language="es")
    event_id = open_event(client)
    set_language(record, ana.id, "de")
    assert "Me encargo" in _page(client, there.link(event_id, ana))
    assert "Ich kümmere mich" in _page(client, there.link(open_event(client, "Another"), ana))
    # Ben came after the alert and was not told of it: he reads the license's language.
    ben = there.add_contact("Ben", "+15550102", language="fr")
    assert "I'm on it" in _page(client, there.link(event_id, ben))


def test_an_alert_that_is_over_says_so_in_the_language(there: Installation, client: FlaskClient) -> None:
    ana = there.add_contact("Ana", language="yue")
    event_id = open_event(client)
    there.close(event_id, EventStatus.RESOLVED)
    assert "警報已經完咗" in _page(client, there.link(event_id, ana))


@pytest.mark.parametrize(
    ("accepts", "lang", "title"),
    [
        ("it, pt-BR;q=0.8, en;q=0.5", "pt-BR", "Este link não existe"),
        ("zh-HK,zh;q=0.9", "yue-Hant", "呢條連結無效"),
        ("de;q=0, fr", "fr", "Ce lien est inconnu"),
        ("*", "en", "This link is not known"),
        ('"<script>', "en", "This link is not known"),
    ],
)
def test_a_link_that_nobody_knows_is_explained_in_the_browsers_language(
    client: FlaskClient, accepts: str, lang: str, title: str
) -> None:
    page = _page(client, "/a/unknown", **{"Accept-Language": accepts})
    assert f'<html lang="{lang}">' in page
    assert title in page
