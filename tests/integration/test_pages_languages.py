"""Every page in every language: it answers, says which language it is, and leaves no sentence in English."""

import html
import re

import pytest
from flask import Flask

from gateway.model.user import Role
from gateway.ports.record import Record
from gateway.services import users
from gateway.services.users import UserChange
from tests.unit.web.addresses import page_paths
from tests.unit.web.filled import Filled, fill
from tests.unit.web.pages import Browser, with_pages
from web.admin.catalogues import read_catalogue
from web.admin.languages import TAGS

pytestmark = pytest.mark.databases("sqlite")

_LANG = {"zh": "zh-Hans", "yue": "yue-Hant"}
_TRANSLATED = [tag for tag in TAGS if tag != "en"]
_LONG = 12  # shorter ones may be the same word, or part of a name


@pytest.fixture
def made(record: Record) -> Filled:
    return fill(record)


@pytest.fixture
def app(made: Filled) -> Flask:
    return with_pages(made.there)


def sentences(tag: str) -> set[str]:
    """Return the English sentences of the pages that read otherwise in that language, and are filled in nowhere."""
    return {
        str(message.id)
        for message in read_catalogue(tag)
        if isinstance(message.id, str) and message.string != message.id and "%(" not in message.id
        if len(message.id) >= _LONG and " " in message.id
    }


def said(page: str) -> set[str]:
    """Return the texts of a page: what stands between tags, and what is read out."""
    page = re.sub(r"<(script|code|pre)\b.*?</\1>", " ", page, flags=re.DOTALL)
    read_out = re.findall(r'(?:aria-label|alt|title|placeholder|data-[a-z-]*words|data-confirm)="([^"]*)"', page)
    parts = [*re.split(r"<[^>]+>", page), *read_out]
    return {" ".join(html.unescape(part).split()) for part in parts}


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_every_page_is_in_the_language_of_its_reader(app: Flask, made: Filled, tag: str) -> None:
    record, at = made.there.record, made.there.clock.now()
    users.change_user(record, made.own[f"user:{Role.SUPERADMIN.value}"], UserChange(language=tag), at=at)
    browser = Browser(app)
    assert browser.sign_in() == 302
    english = sentences(tag)
    assert len(english) > 300
    for name, path in page_paths(app, made).items():
        answer = browser.get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200, (name, answer.status_code)
        assert f'<html lang="{_LANG.get(tag, tag)}"' in page, name
        assert not (said(page) & english), name


@pytest.mark.parametrize(
    ("wanted", "lang"),
    [
        ("de-CH,en;q=0.5", "de"),
        ("fr-CA, fr;q=0.9, en;q=0.8", "fr"),
        ("pt-BR", "pt"),
        ("zh-CN,en;q=0.5", "zh-Hans"),
        ("zh-HK,en;q=0.5", "yue-Hant"),
        ("yue-Hant-HK,en;q=0.3", "yue-Hant"),
        ("nl,es;q=0.4", "es"),
        ("nl", "en"),
        ("", "en"),
    ],
)
def test_the_sign_in_is_in_the_first_language_of_the_browser_that_there_is(app: Flask, wanted: str, lang: str) -> None:
    page = app.test_client().get("/admin/sign-in", headers={"Accept-Language": wanted}).get_data(as_text=True)
    assert f'<html lang="{lang}"' in page


@pytest.mark.parametrize("tag", _TRANSLATED)
def test_a_form_complains_in_the_language_of_its_page(app: Flask, tag: str) -> None:
    browser = Browser(app)
    browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = tag
    browser.get("/admin/sign-in")
    page = browser.post("/admin/sign-in", email="", password="").get_data(as_text=True)
    assert "This field is required" not in page
    assert "invalid-feedback" in page
