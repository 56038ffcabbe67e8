"""HTTP for Twilio's library: any API base, bounded time, no retries, no kept connections, no logging of requests."""

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from requests import Request, Session
from requests.adapters import HTTPAdapter
from twilio.http import HttpClient
from twilio.http.response import Response
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

_CONTENT_HOST = "content.twilio.com"
# The part of the time that may pass until the connection stands.
_CONNECT_SHARE = 1 / 3


class _EarlyFailures(HTTPSConnection):
    """An HTTPS connection whose failed TLS handshake counts as no connection.

    urllib3 reports it as it reports a connection lost after the request was sent, and
    those two must be told apart: only the former may be tried again.
    """

    def connect(self) -> None:
        """Connect. Raises ``NewConnectionError`` for everything that goes wrong but ``ConnectTimeoutError``."""
        try:
            super().connect()
        except ConnectTimeoutError:
            raise
        except (OSError, HTTPError) as error:
            raise NewConnectionError(self, f"TLS was not agreed: {type(error).__name__}") from error


class _EarlyFailuresPool(HTTPSConnectionPool):
    ConnectionCls = _EarlyFailures


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _tell_early_failures(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        _tell_early_failures(manager)
        return manager


def _tell_early_failures(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": HTTPConnectionPool, "https": _EarlyFailuresPool}


class TwilioTransport(HttpClient):  # type: ignore[misc] # the library ships no type information
    """Carries the library's requests to ``api_base``, those of the Content API to its own, within ``time_limit`` each.

    Each request has its own connection: one kept from an earlier alert may have been closed by the other side,
    which would make a certain failure an ambiguous one. Raises ``requests.RequestException``.
    """

    def __init__(self, api_base: str, time_limit: timedelta, *, content_api_base: str | None = None) -> None:
        super().__init__(logging.getLogger(__name__), is_async=False, timeout=time_limit.total_seconds())
        self._base = urlsplit(api_base.rstrip("/"))
        self._content_base = urlsplit((content_api_base or api_base).rstrip("/"))
        self._connect_timeout = time_limit.total_seconds() * _CONNECT_SHARE
        self._read_timeout = time_limit.total_seconds() - self._connect_timeout

    def request(  # noqa: PLR0917 - the library's signature
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - the library's signature; the transport's own limit holds
        allow_redirects: bool = False,  # noqa: ARG002 - likewise; a redirected create call could be done twice
    ) -> Response:
        """Make one request and return its answer, whatever its status."""
        request = Request(
            method=method.upper(),
            url=self._address(uri),
            params=dict(params or {}),
            headers={**(headers or {}), "Connection": "close"},
            **({"json": dict(data or {})} if _is_json(headers) else {"data": dict(data or {})}),
            auth=auth,
        )
        with Session() as session:
            session.mount("https://", _Adapter(max_retries=0))
            session.mount("http://", HTTPAdapter(max_retries=0))
            prepared = session.prepare_request(request)
            settings = session.merge_environment_settings(prepared.url, {}, None, None, None)
            answer = session.send(
                prepared, allow_redirects=False, timeout=(self._connect_timeout, self._read_timeout), **settings
            )
        return Response(answer.status_code, answer.text, answer.headers)

    def _address(self, uri: str) -> str:
        asked = urlsplit(uri)
        base = self._content_base if asked.hostname == _CONTENT_HOST else self._base
        return urlunsplit((base.scheme, base.netloc, base.path + asked.path, asked.query, ""))


def _is_json(headers: Mapping[str, str] | None) -> bool:
    return (headers or {}).get("Content-Type") == "application/json"
