"""Every failure as an answer: JSON for machines, a page for people, never a stack trace."""

from collections.abc import Mapping

import structlog
from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from gateway.ports.record import RecordUnavailableError
from gateway.wording.catalogues import marked, words_of
from web.language import html_lang, readers_language

log = structlog.get_logger(__name__)

# A database that restarts, or a disk that is being cleared, is usually back after this many seconds.
RETRY_AFTER_SECONDS = 5

# Beyond this many bytes a request is refused before it is parsed.
LARGEST_REQUEST = 64 * 1024

_LINKS = "/a/"
_PAGES = "/admin"
_ADVICE = {
    400: "Go back, load the page again and send it once more: it may have been open for too long.",
    403: "Your role does not allow this. A superadmin can change it.",
    404: "There is nothing at this address, or it is not yours to see.",
    429: "That was too often. Wait a minute, then try again.",
}
_CODES = {
    400: ("bad_request", "the request could not be read: send it again, complete"),
    403: ("forbidden", "this request is not allowed"),
    404: ("not_found", "there is nothing at this address: check the path and the id"),
    405: ("method_not_allowed", "this address does not know the method: use one of those in the Allow header"),
    413: ("too_large", "the request is over 64 KB: send less"),
}


class ApiError(Exception):
    """A refusal that a machine is told about, with its status, its code and what to do about it."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})


def error_answer(status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Return the JSON answer of a failure."""
    response = jsonify(ok=False, error=code, message=message)
    response.status_code = status
    response.headers.update(headers or {})
    return response


def read_body() -> bytes:
    """Return the body of the present request, refused where it is too large, with or without a stated length."""
    body = request.get_data(cache=False)
    if len(body) > LARGEST_REQUEST:
        raise RequestEntityTooLarge
    return body


def page(status: int, title: str, text: str) -> Response:
    """Return a page that tells a person what is wrong and what they can do."""
    return Response(render_template("message.html", title=title, text=text), status, mimetype="text/html")


def link_page(status: int, title: str, text: str) -> Response:
    """Return such a page to whoever opened an acknowledgement link, in the language that their browser asks for.

    The words are those of a message catalogue. Whose link it is may be unknown.
    """
    language = readers_language()
    words = words_of(language)
    html = render_template(
        "message.html", title=words.gettext(title), text=words.gettext(text), html_lang=html_lang(language)
    )
    return Response(html, status, mimetype="text/html")


def register(app: Flask) -> None:
    """Answer every exception that a view lets through."""
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(RecordUnavailableError, _unavailable)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def _api_error(error: ApiError) -> Response:
    return error_answer(error.status, error.code, error.message, error.headers)


def _unavailable(error: RecordUnavailableError) -> Response:
    log.error("record_unavailable", error=str(error), route=_route())
    if request.path.startswith((_LINKS, _PAGES)):
        shown = link_page if request.path.startswith(_LINKS) else page
        response = shown(503, marked("Not available right now"), marked("Please open this again in a moment."))
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
        return response
    message = "the alert could not be made durable and was not taken: post it again, with the same dedup_key"
    if request.method in {"GET", "HEAD"}:
        message = "the record is out of reach: ask again"
    return error_answer(503, "unavailable", message, {"Retry-After": str(RETRY_AFTER_SECONDS)})


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    code, message = _CODES.get(status, (error.name.lower().replace(" ", "_"), error.description or error.name))
    allow = [(name, value) for name, value in error.get_headers() if name == "Allow"]
    if request.path.startswith(_PAGES):
        response = page(status, error.name, _ADVICE.get(status, error.description or ""))
        response.headers.update(allow)
        return response
    if request.path.startswith(_LINKS):
        # Werkzeug's names of errors are English and for those who build things: a person is told what to do.
        response = link_page(
            status, marked("Something went wrong"), marked("Please open the link from the message again.")
        )
        response.headers.update(allow)
        return response
    return error_answer(status, code, message, dict(allow))


def _unexpected(error: Exception) -> Response:
    log.error("request_failed", method=request.method, route=_route(), exc_info=error)
    if request.path.startswith(_PAGES):
        return page(500, "Something went wrong", "It was logged. Go back and try again; what was saved before stands.")
    if request.path.startswith(_LINKS):
        return link_page(
            500, marked("Something went wrong"), marked("Please open the link again, or answer the phone call.")
        )
    return error_answer(500, "internal", "a fault of the gateway, which was logged: post again with the same dedup_key")


def _route() -> str | None:
    return request.url_rule.rule if request.url_rule else None
