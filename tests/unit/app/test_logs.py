import io
import json
import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from gateway.app.logs import configure_logging

TOKEN = "tsn_" + "x" * 43


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    structlog_config = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    structlog.configure(**structlog_config)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_event() -> None:
    stream = io.StringIO()
    configure_logging({}, stream=stream)
    structlog.get_logger("gateway.x").info("call_answered", call_id="c1", event_id=7)
    (line,) = lines(stream)
    assert line["event"] == "call_answered"
    assert (line["call_id"], line["event_id"], line["level"], line["logger"]) == ("c1", 7, "info", "gateway.x")
    assert str(line["timestamp"]).endswith("Z")
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]


@pytest.mark.parametrize("name", ["gunicorn.error", "gunicorn.access", "werkzeug", "elsewhere"])
def test_libraries_log_through_the_same(name: str) -> None:
    stream = io.StringIO()
    configure_logging({"TOCSIN_LOG_FORMAT": "json"}, stream=stream)
    logging.getLogger(name).warning("listening at %s", "x")
    (line,) = lines(stream)
    assert (line["event"], line["logger"], line["level"]) == ("listening at x", name, "warning")


def test_an_exception_is_part_of_its_line() -> None:
    stream = io.StringIO()
    configure_logging({}, stream=stream)
    try:
        _ = 1 // 0
    except ZeroDivisionError:
        structlog.get_logger("x").exception("step_failed")
    (line,) = lines(stream)
    assert "ZeroDivisionError" in str(line["exception"])


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_secrets_are_hidden_wherever_they_stand(log_format: str) -> None:
    stream = io.StringIO()
    configure_logging({"TOCSIN_LOG_FORMAT": log_format}, stream=stream)
    log = structlog.get_logger("x")
    log.info("a", secret_key="hush1", password="hush2", nested={"auth_token": "hush3", "list": [TOKEN]}, pin="4711")
    log.info("b", url="postgresql+psycopg://user:hush4/hush5@host/db", path="/a/12.abcdefghijklmnopqrstuv")
    logging.getLogger("y").warning("posted with %s to /bot12345:%s/sendMessage", TOKEN, "h" * 35)
    try:
        int(TOKEN)
    except ValueError:
        log.exception("c")
    text = stream.getvalue()
    for hidden in ("hush", TOKEN, "4711", "abcdefghijklmnopqrstuv", "h" * 35):
        assert hidden not in text
    assert "user:[hidden]@host/db" in text


def test_the_level_is_the_environments_else_the_given_one() -> None:
    stream = io.StringIO()
    configure_logging({"TOCSIN_LOG_LEVEL": "error"}, level="DEBUG", stream=stream)
    structlog.get_logger("x").warning("a")
    logging.getLogger("y").warning("b")
    assert stream.getvalue() == ""
    configure_logging({}, level="DEBUG", stream=stream)
    structlog.get_logger("x").debug("c")
    assert [line["event"] for line in lines(stream)] == ["c"]


def test_configuring_twice_does_not_double_the_lines() -> None:
    stream = io.StringIO()
    configure_logging({}, stream=stream)
    configure_logging({}, stream=stream)
    structlog.get_logger("x").info("once")
    assert len(lines(stream)) == 1


def test_warnings_of_python_become_lines() -> None:
    stream = io.StringIO()
    configure_logging({}, stream=stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in stream.getvalue()


class _FullDisk(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(28, "No space left on device")


def test_a_line_that_cannot_be_written_stops_nobody() -> None:
    for stream in (_FullDisk(), io.StringIO()):
        configure_logging({}, stream=stream)
        stream.close()
        structlog.get_logger("x").error("call_failed")


def test_lines_of_many_threads_are_whole() -> None:
    stream = io.StringIO()
    configure_logging({}, stream=stream)
    with ThreadPoolExecutor(8) as threads:
        for number in range(400):
            threads.submit(structlog.get_logger("x").info, "line", number=number)
    assert sorted(line["number"] for line in lines(stream)) == list(range(400))  # type: ignore[type-var]
