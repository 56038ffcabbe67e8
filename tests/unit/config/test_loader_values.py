"""What values become: variables of the environment, durations, defaults, overrides, and warnings of what is odd."""

from datetime import timedelta

import pytest

from gateway.config.loader import effective_policy, parse_config
from gateway.config.mistakes import ConfigError
from gateway.config.schema import PolicyConfig
from tests.unit.config.loading import config, mistakes, warnings


def test_a_variable_is_taken_from_the_environment() -> None:
    loaded = config(
        "telegram: {bot_token: '${BOT}', api_base: 'http://${HOST}:${PORT}'}", {"BOT": "b", "HOST": "h", "PORT": "81"}
    )
    assert loaded.telegram is not None
    assert loaded.telegram.bot_token.get_secret_value() == "b"
    assert loaded.telegram.api_base == "http://h:81"


def test_a_variable_may_hold_a_number() -> None:
    assert config("web: {workers: '${N}'}", {"N": "7"}).web.workers == 7


@pytest.mark.parametrize("environ", [{}, {"N": ""}])
def test_the_default_is_taken_where_the_variable_is_unset_or_empty(environ: dict[str, str]) -> None:
    assert config("web: {workers: '${N:-7}'}", environ).web.workers == 7


def test_a_variable_without_value_and_default_is_a_mistake_and_the_only_one_at_its_path() -> None:
    found = mistakes("web: {bind: '${HOST}:80', public_url: '${URL}'}")
    assert found["web.bind"].problem == "the environment variable HOST is not set"
    assert found["web.public_url"].suggestion == "set it, or write ${URL:-default}"


@pytest.mark.parametrize("value", ["${", "${}", "${1A}", "${A", "${A-b}"])
def test_a_reference_that_is_not_closed_or_named_is_a_mistake(value: str) -> None:
    assert "write ${NAME}" in str(mistakes(f"telegram: {{bot_token: '{value}'}}", {"A": "x"})["telegram.bot_token"])


def test_two_dollars_stand_for_the_text_itself() -> None:
    loaded = config("telegram: {bot_token: 'a$${B}$c$$'}")
    assert loaded.telegram is not None
    assert loaded.telegram.bot_token.get_secret_value() == "a${B}$c$$"


def test_a_value_from_the_environment_cannot_become_yaml_or_another_reference() -> None:
    loaded = config("telegram: {bot_token: '${A}'}", {"A": "x, api_base: y} #${B}"})
    assert loaded.telegram is not None
    assert loaded.telegram.bot_token.get_secret_value() == "x, api_base: y} #${B}"


@pytest.mark.parametrize("environ", [{}, {"KEY": "", "AMI": ""}])
def test_a_secret_that_can_be_made_may_name_a_variable_that_is_not_set(environ: dict[str, str]) -> None:
    text = "secret_key: ${KEY}\nasterisk: {nodes: [{name: p, host: h, secret: '${AMI}'}]}"
    loaded, warned = parse_config(text, environ)
    assert loaded.secret_key is None
    assert loaded.asterisk is not None
    assert loaded.asterisk.nodes[0].secret is None
    assert {"secret_key", "asterisk.nodes[0].secret"} <= {warning.path for warning in warned}


def test_an_empty_default_leaves_a_secret_to_be_made() -> None:
    assert config("secret_key: ${KEY:-}").secret_key is None


def test_the_default_database_lies_under_var_dir() -> None:
    assert config("var_dir: /srv/tocsin").database_url == "sqlite:////srv/tocsin/tocsin.db"
    assert config("var_dir: data").database_url == "sqlite:///data/tocsin.db"
    assert config("{var_dir: data, database_url: 'sqlite:///x.db'}").database_url == "sqlite:///x.db"


@pytest.mark.parametrize(
    ("text", "length"),
    [("500ms", 0.5), ("30s", 30), ("2m", 120), ("1h", 3600), ("7d", 604800), ("0.25s", 0.25), ("0s", 0)],
)
def test_durations_are_numbers_with_a_unit(text: str, length: float) -> None:
    assert config(f"policy: {{l1_wait: {text}}}").policy.l1_wait == timedelta(seconds=length)


def test_what_works_and_is_odd_is_a_warning() -> None:
    found = warnings("""
secret_key: short
web: {public_url: http://alerts.example.com/}
asterisk:
  nodes: [{name: a, host: h}, {name: b, host: h, port: 5039}]
  trunks: [{name: t, node: a, host: c, username: u}, {name: v, node: a, host: c, password: p}]
twilio: {account_sid: AC00000000000000000000000000000000, auth_token: t, whatsapp_from: "+14155238886"}
tts: {coqui: {voices: {en: {model: tts_models/en/ljspeech/vits}}}, piper: {}}
""")
    assert set(found) == {
        "secret_key",
        "web.public_url",
        "asterisk.nodes[0].host",
        "asterisk.nodes[1].host",
        "asterisk.nodes[1].sip_bind",
        "asterisk.nodes[1].rtp_ports",
        "asterisk.trunks[0].username",
        "asterisk.trunks[1].password",
        "twilio.content_sid",
        "tts.coqui",
        "tts.piper",
        "telegram",
    }


def test_absent_channels_are_warned_of() -> None:
    assert set(warnings("")) == {"asterisk", "twilio", "telegram"}


def test_a_license_may_override_each_key_of_the_policy_in_the_same_notation() -> None:
    base = PolicyConfig(l1_wait=timedelta(seconds=3))
    assert effective_policy(base, {}) == base.policy()
    policy = effective_policy(base, {"l2_wait": "500ms", "call_attempts": 1, "stand_down": False})
    assert policy.l1_wait == timedelta(seconds=3)
    assert policy.l2_wait == timedelta(milliseconds=500)
    assert policy.call_attempts == 1
    assert not policy.stand_down


def test_all_mistakes_in_overrides_are_told() -> None:
    with pytest.raises(ConfigError) as caught:
        effective_policy(PolicyConfig(), {"l1_wiat": "1s", "l2_wait": "soon", "call_attempts": 99})
    assert {str(mistake) for mistake in caught.value.mistakes} == {
        "policy.l1_wiat: unknown key; did you mean l1_wait?",
        "policy.l2_wait: not a duration; write a number and a unit, as in 500ms, 30s, 2m or 1h",
        "policy.call_attempts: must be at most 10",
    }


def test_an_override_must_fit_the_configured_rest() -> None:
    with pytest.raises(ConfigError, match="longer than retry_backoff_max"):
        effective_policy(PolicyConfig(retry_backoff_max=timedelta(seconds=10)), {"retry_backoff": "1m"})
