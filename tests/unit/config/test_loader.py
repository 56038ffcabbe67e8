from pathlib import Path

import pytest

from gateway.config.document import parse
from gateway.config.loader import load, parse_config, read
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config
from tests.unit.config.loading import config, mistakes

SECRET = "correct-horse-battery"
_WEB_KEYS = "the keys here are: bind, public_url, workers, threads, trusted_proxies, keep_source_tokens, metrics_token"
_CODECS = "must be ulaw, alaw, g722, opus or slin16"
NODE = "asterisk: {nodes: [{name: pbx1, host: 127.0.0.1}], trunks: [{name: a, node: pbx1, host: h, %s}]}"
SID = "AC" + "0" * 32


def test_without_a_file_the_defaults_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = read(None, {})
    assert loaded.file is None
    assert loaded.config == Config()
    assert loaded.config.database_url == "sqlite:///var/tocsin.db"


def test_the_named_file_wins_over_the_environment_and_that_over_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, workers in (("tocsin.yaml", 3), ("env.yaml", 4), ("named.yaml", 5)):
        Path(name).write_text(f"web: {{workers: {workers}}}\n", encoding="utf-8")
    assert load(None, {}).web.workers == 3
    assert load(None, {"TOCSIN_CONFIG": "env.yaml"}).web.workers == 4
    assert load(Path("named.yaml"), {"TOCSIN_CONFIG": "env.yaml"}).web.workers == 5


@pytest.mark.parametrize("environ", [{}, {"TOCSIN_CONFIG": "absent.yaml"}])
def test_a_named_file_that_is_absent_is_a_mistake(tmp_path: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(None if environ else tmp_path / "absent.yaml", environ)


def test_a_directory_in_place_of_the_file_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})


def test_a_file_that_is_not_utf8_is_a_mistake_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_bytes(b"web:\n  bind: \xff\n")
    with pytest.raises(ConfigError, match=r"line 2\): not UTF-8"):
        load(file, {})


def test_an_empty_file_means_the_defaults() -> None:
    assert config("# nothing yet\n") == Config()


def test_a_section_with_all_keys_commented_out_is_absent() -> None:
    assert config("web:\n  # workers: 3\ntwilio:\n") == Config()


@pytest.mark.parametrize("text", ["- a\n- b\n", "just text", "42"])
def test_a_file_that_is_no_section_is_a_mistake(text: str) -> None:
    assert "section with keys" in mistakes(text)[""].problem


def test_bad_yaml_tells_line_and_column() -> None:
    mistake = mistakes("web:\n  bind: [1\npolicy: {}\n")[""]
    assert "line 3, column 7" in mistake.problem
    assert mistake.line == 3


@pytest.mark.parametrize("value", [f"*{SECRET}", f"!{SECRET} x", f"@{SECRET}", f"%{SECRET}", f"{{{SECRET}: [1"])
def test_an_unquoted_secret_that_breaks_yaml_is_not_repeated(value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(f"secret_key: {value}\n", {})
    assert SECRET not in str(caught.value)


def test_a_key_that_stands_twice_is_a_mistake_with_both_lines() -> None:
    found = mistakes("web:\n  workers: 2\n  threads: 3\n  workers: 4\n")["web.workers"]
    assert found.line == 4
    assert "first on line 2" in found.problem


def test_an_alias_that_contains_itself_is_a_mistake() -> None:
    assert "contains itself" in mistakes("tts: &a {coqui: *a}\n")["tts.coqui"].problem


def test_what_yaml_1_1_takes_for_other_things_stays_text() -> None:
    assert config(NODE % "caller_id: +15550100").asterisk.trunks[0].caller_id == "+15550100"  # type: ignore[union-attr]
    text = "{a: no, b: 010, c: 10:20, d: 2026-11-01, e: 0x1F, f: 1_000, g: 1e3}"
    as_text = {"a": "no", "b": "010", "c": "10:20", "d": "2026-11-01", "e": "0x1F", "f": "1_000", "g": "1e3"}
    assert parse(text, source="t.yaml").value == as_text
    others = {"a": True, "b": -7, "c": 1.5, "d": None, "e": None}
    assert parse("{a: true, b: -7, c: 1.5, d: null, e: ~}", source="t.yaml").value == others


@pytest.mark.parametrize(
    ("text", "path", "problem", "suggestion"),
    [
        ("databse_url: x", "databse_url", "unknown key", "did you mean database_url?"),
        ("public_url: x", "public_url", "unknown key", "it belongs at web.public_url"),
        ("web: {sorkers: 1}", "web.sorkers", "unknown key", "did you mean workers?"),
        ("web: {zzz: 1}", "web.zzz", "unknown key", _WEB_KEYS),
        (NODE % "calerid: x", "asterisk.trunks[0].calerid", "unknown key", "did you mean caller_id?"),
        (NODE % "regster: no", "asterisk.trunks[0].regster", "unknown key", "did you mean register?"),
        ("tiers: {pro: {cal: true}}", "tiers.pro.cal", "unknown key", "did you mean call?"),
        ("web: {workers: x}", "web.workers", "must be a whole number", None),
        ("web: {workers: 1.5}", "web.workers", "must be a whole number", None),
        ("web: {workers: true}", "web.workers", "not a number", None),
        ("web: {workers: 0}", "web.workers", "must be at least 1", None),
        ("web: {workers: 65}", "web.workers", "must be at most 64", None),
        ("web: 5", "web", "must be a section with keys", None),
        ("asterisk: {nodes: 5}", "asterisk.nodes", "must be a list", None),
        ("tiers: 5", "tiers", "must be a section with keys", None),
        ("tiers: {}", "tiers", "no tier is left", "leave the key out for basic, pro, enterprise"),
        ("policy: {stand_down: perhaps}", "policy.stand_down", "must be true or false", None),
        (NODE % "calls_per_second: 0", "asterisk.trunks[0].calls_per_second", "must be more than 0", None),
        (NODE % "calls_per_second: fast", "asterisk.trunks[0].calls_per_second", "must be a number", None),
        (NODE % "calls_per_second: inf", "asterisk.trunks[0].calls_per_second", "must be a number", None),
        (NODE % "port: 70000", "asterisk.trunks[0].port", "must be at most 65535", None),
        (NODE % "transport: udpp", "asterisk.trunks[0].transport", "must be udp, tcp or tls", "did you mean udp?"),
        (NODE % "codecs: [ulaw, zzz]", "asterisk.trunks[0].codecs[1]", _CODECS, None),
        ("tts: {engine: coqi}", "tts.engine", "must be espeak, piper or coqui", "did you mean coqui?"),
        ("tts: {engine: coqui}", "tts", "the engine coqui has no voices", "add coqui.voices, as in docs/speech.md"),
        ("tts: {coqui: {}}", "tts.coqui.voices", "is needed and missing", None),
        ("tts: {coqui: {voices: {}}}", "tts.coqui.voices", "has no voice", "write as in en: {model: tts_models/…}"),
        (
            "tts: {coqui: {voices: {en: {speaker: p1}}}}",
            "tts.coqui.voices.en",
            "names no model, or two",
            "write either model, or model_path and config_path",
        ),
        (
            "tts: {coqui: {voices: {en: {model_path: a.pth}}}}",
            "tts.coqui.voices.en",
            "a model of one's own has two files",
            "write model_path and config_path",
        ),
        (
            "tts: {coqui: {voices: {en: {model: tts_models/en/x/y, vocoder_path: v.pth}}}}",
            "tts.coqui.voices.en",
            "a vocoder has two files",
            "write vocoder_path and vocoder_config_path",
        ),
        (
            "tts: {coqui: {voices: {en: {model: ../x}}}}",
            "tts.coqui.voices.en.model",
            "not a model's name",
            "write as in tts_models/en/ljspeech/vits",
        ),
        (
            "tts: {coqui: {voices: {english!: {model: tts_models/en/x/y}}}}",
            "tts.coqui.voices.english!",
            "not a language tag",
            "write as in en, es, pt-BR or zh-HK",
        ),
        ("tts: {cache_size: 12}", "tts.cache_size", "not a size", "write a number and a unit, as in 500MB or 4GB"),
        ("tts: {cache_size: many}", "tts.cache_size", "not a size", "write a number and a unit, as in 500MB or 4GB"),
        ("twilio: {auth_token: x}", "twilio.account_sid", "is needed and missing", None),
        ("telegram: {}", "telegram.bot_token", "is needed and missing", None),
        ("asterisk: {nodes: [{name: a}]}", "asterisk.nodes[0].host", "is needed and missing", None),
    ],
)
def test_a_mistake_says_where_it_is_and_what_to_write(
    text: str, path: str, problem: str, suggestion: str | None
) -> None:
    found = mistakes(text)
    assert list(found) == [path]
    assert (found[path].problem, found[path].suggestion) == (problem, suggestion)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("policy: {l1_wait: 30}", "policy.l1_wait"),
        ("policy: {l1_wait: 2 minutes}", "policy.l1_wait"),
        ("policy: {l1_wait: -5s}", "policy.l1_wait"),
        ("policy: {l1_wait: 99999999h}", "policy.l1_wait"),
        ("policy: {l1_wait: " + "9" * 500 + "s}", "policy.l1_wait"),
        ("policy: {ring_timeout: 0s}", "policy.ring_timeout"),
        ("web: {bind: localhost}", "web.bind"),
        ("web: {bind: ':8080'}", "web.bind"),
        ("web: {bind: '::1:8080'}", "web.bind"),
        ("web: {public_url: alerts.example.com}", "web.public_url"),
        ("web: {public_url: 'https://a.example/?x=1'}", "web.public_url"),
        ("web: {public_url: 'https://a.example:port/'}", "web.public_url"),
        ("database_url: mysql://x", "database_url"),
        ("database_url: postgresql+psycopg://u:p@h:port/db", "database_url"),
        ("database_url: 'sqlite:///:memory:'", "database_url"),
        (NODE % "host: 'sip:carrier'", "asterisk.trunks[0].host"),
        (NODE % "caller_id: 5550100", "asterisk.trunks[0].caller_id"),
        (NODE % "caller_id: '12'", "asterisk.trunks[0].caller_id"),
        (NODE % 'username: "a;b"', "asterisk.trunks[0].username"),
        (NODE % 'username: "a\\nb", password: x', "asterisk.trunks[0].username"),
        (NODE % 'username: u, password: "a\\nb"', "asterisk.trunks[0].password"),
        (f"twilio: {{account_sid: {SID}, auth_token: ''}}", "twilio.auth_token"),
        ("twilio: {account_sid: AC1, auth_token: x}", "twilio.account_sid"),
        ("asterisk: {nodes: [{name: a b, host: h}]}", "asterisk.nodes[0].name"),
        ("asterisk: {nodes: [{name: a, host: h, sip_bind: 'host:5060'}]}", "asterisk.nodes[0].sip_bind"),
        ("asterisk: {nodes: [{name: a, host: h, rtp_ports: 20-10}]}", "asterisk.nodes[0].rtp_ports"),
        ("tiers: {a b: {}}", "tiers.a b"),
        ("tiers: {pro: {voice_minutes: -1}}", "tiers.pro.voice_minutes"),
    ],
)
def test_a_value_out_of_its_range_or_form_is_a_mistake_at_its_path(text: str, path: str) -> None:
    assert path in mistakes(text)


def test_postgresql_without_the_driver_is_told_how_to_write_it() -> None:
    found = mistakes(f"database_url: postgresql://user:{SECRET}@host/db")["database_url"]
    assert found.suggestion == "write postgresql+psycopg:// instead"
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "url",
    ["u:p@h:5432/db", "u:p/w@h/db", "/db?host=/run/postgresql", "u@[::1]:5432/db", "h", "u:p@ss@h/db?sslmode=require"],
)
def test_postgresql_is_named_in_every_form_that_its_driver_knows(url: str) -> None:
    assert config(f"database_url: postgresql+psycopg://{url}").database_url == f"postgresql+psycopg://{url}"


def test_keys_that_do_not_fit_each_other_are_found_together() -> None:
    found = mistakes("""
asterisk:
  nodes:
    - {name: pbx1, host: 127.0.0.1}
    - {name: pbx1, host: 127.0.0.1}
  trunks:
    - {name: a, node: pbx2, host: carrier.example}
    - {name: a, node: pbx1, host: carrier.example}
policy: {retry_backoff: 10m}
""")
    assert set(found) == {
        "asterisk.nodes[1].name",
        "asterisk.nodes[1].port",
        "asterisk.trunks[0].node",
        "asterisk.trunks[1].name",
        "policy.retry_backoff",
    }
    assert found["asterisk.trunks[0].node"].suggestion == "did you mean 'pbx1'?"


def test_all_mistakes_of_every_kind_are_told_at_once_in_the_order_of_the_file() -> None:
    found = mistakes("""
web: {workers: many}
asterisk:
  nodes: [{name: pbx1, host: 127.0.0.1, port: 0}]
  trunks: [{name: a, node: pbx9, host: h}]
twilio: {account_sid: AC1, auth_token: "${TWILIO_TOKEN}"}
polcy: {}
policy: {l1_wait: soon}
web: {}
""")
    assert list(found) == [
        "web.workers",
        "asterisk.nodes[0].port",
        "asterisk.trunks[0].node",
        "twilio.account_sid",
        "twilio.auth_token",
        "polcy",
        "policy.l1_wait",
        "web",
    ]
    assert [mistake.line for mistake in found.values()] == [2, 4, 5, 6, 6, 7, 8, 9]


def test_secrets_are_never_part_of_a_mistake() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(
            f"""
secret_key: [{SECRET}]
database_url: nonsense://u:{SECRET}@h
twilio: {{account_sid: {SECRET}, auth_token: {{x: {SECRET}}}, api_base: "https://{SECRET}:{SECRET}@h"}}
telegram: {{bot_token: "${{A}}\\n"}}
asterisk: {{nodes: [{{name: p, host: h, secret: 1234567}}]}}
""",
            {"A": SECRET},
        )
    text = str(caught.value) + repr(caught.value)
    assert SECRET not in text
    assert "1234567" not in text
    assert len(caught.value.mistakes) == 7


def test_password_that_a_missing_space_makes_part_of_its_key_is_not_repeated() -> None:
    found = mistakes("asterisk:\n  trunks:\n    - {name: a, node: pbx1, host: b, password:hunter2-x}")
    mistake = found["asterisk.trunks[0].password…"]
    assert (mistake.problem, mistake.line) == ("unknown key", 3)
    assert mistake.suggestion == "put a space behind the colon, and quote what holds other signs"
    assert "hunter2" not in repr(found)


def test_nodes_whose_hosts_are_no_text_are_mistakes() -> None:
    assert "asterisk.nodes[0].host" in mistakes("asterisk: {nodes: [{name: a, host: [x]}, {name: b, host: {x: y}}]}")


@pytest.mark.parametrize("port", ["\N{SUPERSCRIPT TWO}", "9" * 5000, "-1", "", "0"])
def test_port_that_is_no_number_is_told_in_words(port: str) -> None:
    assert mistakes(f"web: {{bind: '127.0.0.1:{port}'}}")["web.bind"].problem == "not an address and port"
