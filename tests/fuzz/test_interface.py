"""Every documented operation, by requests that its description permits and by others: answers are as documented."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gateway.store import SqlRecord, migrate, open_record
from tests.fuzz.effort import examples
from tests.unit.web.installation import TOKEN, Installation, open_event

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    ("/license/v1/alert/in", "POST"),
    ("/license/v1/alert/{event_id}", "GET"),
    ("/a/{token}", "GET"),
    ("/a/{token}", "POST"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
]
# A header as a server hands it on: bytes read as Latin-1, without line breaks.
tokens = st.sampled_from([TOKEN, TOKEN, TOKEN, "", "tsn_unknown", TOKEN + "x"]) | st.text(
    st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=60
).map(str.strip)


class Interface:
    """The description of a running interface, and what exists there."""

    def __init__(self, there: Installation) -> None:
        client = there.client()
        ana = there.add_contact("Ana")
        event_id, over = open_event(client, "Known"), open_event(client, "Over")
        self.known: dict[str, list[object]] = {
            "event_id": [event_id, over],
            "token": [
                there.link(event_id, ana).removeprefix("/a/"),
                there.link(over, ana, timedelta(seconds=-1)).removeprefix("/a/"),
            ],
        }
        self.schema: BaseSchema = schemathesis.openapi.from_wsgi("/openapi.json", there.app())


@pytest.fixture(scope="module")
def interface(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Interface]:
    url = f"sqlite:///{tmp_path_factory.mktemp('fuzz') / 'tocsin.db'}"
    migrate(url)
    record: SqlRecord = open_record(url)
    yield Interface(Installation(record, audio_dir=Path("/nonexistent"), fast=True))
    record.close()


def test_each_documented_operation_is_tried(interface: Interface) -> None:
    validate(interface.schema.raw_schema)
    documented = {(each.ok().path, each.ok().method.upper()) for each in interface.schema.get_all_operations()}
    assert documented == set(OPERATIONS)


# Nothing can be wrong with a request that has neither parameters nor a body, or whose only parameter is any text.
@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        pytest.param(path, method, mode, id=f"{method} {path} {mode.value}")
        for path, method in OPERATIONS
        for mode in GenerationMode
        if mode is GenerationMode.POSITIVE or path.startswith("/license/")
    ],
)
def test_answers_are_as_documented(interface: Interface, path: str, method: str, mode: GenerationMode) -> None:
    operation = interface.schema[path][method]

    @examples(40 if "{" in path or method == "POST" else 5)
    @given(st.data(), tokens)
    def ask(data: st.DataObject, token: str) -> None:
        case = data.draw(operation.as_strategy(generation_mode=mode))
        case.headers["X-Alert-Token"] = token
        for name in set(case.path_parameters) & set(interface.known):
            if data.draw(st.booleans()):
                case.path_parameters[name] = data.draw(st.sampled_from(interface.known[name]))
        case.call_and_validate(checks=CHECKS)

    ask()
