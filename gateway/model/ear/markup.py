"""Markup that only the eye can use: HTML, SSML, Markdown, JSON."""

import html
import re

_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
# What is never shown, as far as its end is near: a lone "<script" must not make each later one look for an end.
_HIDDEN = re.compile(
    r"<(script|style)\b[^<>]{0,200}>.{0,2000}?</\1\s{0,9}>|<!--.{0,2000}?-->", re.IGNORECASE | re.DOTALL
)
# Only tags that there are: "<GATE 3> open" is not HTML, and its words must be heard.
_TAG = re.compile(
    r"</?(?:a|abbr|article|b|big|blockquote|body|br|break|button|center|code|dd|del|div|dl|dt|em|emphasis|font|footer|form"
    r"|h[1-6]|head|header|hr|html|i|iframe|img|input|ins|label|li|link|main|mark|meta|nav|ol|option|p|pre|prosody|q|s"
    r"|say-as|section|select|small|span|speak|strike|strong|sub|sup|svg|table|tbody|td|textarea|tfoot|th|thead|title"
    r"|tr|tt|u|ul|voice)(?:\s[^<>]{0,500})?/?>|<[!?][^<>]{0,500}>",
    re.IGNORECASE,
)
# These end what they stand in: without a pause "Gate 1</td><td>closed" and "Zone 1<br>2 doors" would run together.
_BREAK = re.compile(r"<(?:/(?:p|div|li|h[1-6]|tr|td|th|dd|dt)|br\s?/?)>", re.IGNORECASE)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]{0,500})\]\([^()\s]{0,500}\)")
# Numbers of a list stay: in German "3. Stock" is the third floor.
_LINE_SIGN = re.compile(r"(?m)^[ \t]{0,20}(?:[-+•*·‣]|>(?![ \t]?[0-9]))[ \t]+")
_RULE = re.compile(r"(?m)^[ \t]{0,20}(?:[-=_*]{3,}|\|?[ \t:|-]{3,})[ \t]*$")
_CELL = re.compile(r"[ \t]*\|[ \t]*")
_QUOTED = re.compile('["\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a\u300c-\u300f]')
_JSON_END = re.compile(r"[ \t]*[{}\[\]][ \t]*")
_JSON = re.compile(r"[{\[]\s*[\"{\[].{0,2000}[:,]", re.DOTALL)
_LINE_END = re.compile(r"([\w)\"'%])[ \t]*\n\s*")
_HEADING = re.compile(r"(?m)^[ \t]{0,3}#{1,6}[ \t]+")


def without_markup(text: str) -> str:
    """Return the words of ``text``. Lines, cells and blocks end in a sign that makes a voice pause."""
    text = _without_tags(text)
    text = _without_tags(_ENTITY.sub(lambda match: html.unescape(match[0]), text))
    text = _MARKDOWN_LINK.sub(lambda match: match[1] or " ", text)
    text = _HEADING.sub("", _LINE_SIGN.sub("", _RULE.sub("", text)))
    if _JSON.match(text.lstrip()):
        text = _JSON_END.sub(" ", text)
    return _LINE_END.sub(r"\1. ", _CELL.sub(", ", _QUOTED.sub("", text)))


def _without_tags(text: str) -> str:
    return _TAG.sub(" ", _BREAK.sub("\n", _HIDDEN.sub(" ", text)))
