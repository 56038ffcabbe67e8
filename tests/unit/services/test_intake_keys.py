"""The key of an alert that came without one."""

import hashlib

import pytest

from gateway.services.intake import Alert, default_dedup_key


def test_key_is_the_sha1_of_source_title_body_and_canonical_payload() -> None:
    alert = Alert(title="T", body="é", payload='{"b": 1.50,\n "a": [true, null]}')
    canonical = rb'[7,"T","\u00e9",{"a":[true,null],"b":1.5}]'
    assert default_dedup_key(7, alert) == hashlib.sha1(canonical).hexdigest()


@pytest.mark.parametrize(
    "payload",
    [
        "{}",
        '{"n": ' + "9" * 6000 + "}",
        '{"n": 1e999}',
        '{"s": "\\ud800\\u0000"}',
        '{"a": ' + "[" * 99 + "]" * 99 + "}",
    ],
)
def test_every_payload_has_a_key_of_its_own(payload: str) -> None:
    key = default_dedup_key(1, Alert(title="T", payload=payload))
    assert key == default_dedup_key(1, Alert(title="T", payload=payload + " "))
    assert key != default_dedup_key(1, Alert(title="T", payload='{"another": 1}'))
    assert key != default_dedup_key(2, Alert(title="T", payload=payload))


def test_title_and_body_do_not_run_into_each_other() -> None:
    assert default_dedup_key(1, Alert(title="ab", body="c")) != default_dedup_key(1, Alert(title="a", body="bc"))
