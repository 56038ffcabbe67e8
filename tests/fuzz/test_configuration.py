"""Any text as the configuration: it is taken, or its mistakes are named, and no secret is repeated in them."""

import string

import yaml
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.config.loader import parse_config
from gateway.config.mistakes import ConfigError
from gateway.config.schema import Config
from tests.fuzz.effort import examples

SECRET = "hunter2-is-the-secret"
ENVIRON = {"TRUNK_PASSWORD": SECRET, "EMPTY": "", "ODD": "a: [b"}
SECTIONS = list(Config.model_fields)
SECRETS = ["asterisk.trunks.password", "asterisk.nodes.secret", "twilio.auth_token", "telegram.bot_token"]


def _hashable(value: object) -> bool:
    return value is None or isinstance(value, int | str)


scalars = st.one_of(
    st.none() | st.booleans() | st.integers() | st.floats(),
    st.text(max_size=12),
    st.dates() | st.datetimes() | st.binary(max_size=5),
    st.sampled_from(
        [
            "5s",
            "-1s",
            "1e400s",
            "99999999999999999h",
            "${TRUNK_PASSWORD}",
            "${NONE}",
            "${NONE:-x}",
            "${ODD}",
            "${",
            "$$",
        ]
    ),
    st.sampled_from(
        ["127.0.0.1:0", "[::1]:99999", "1.2.3.4/99", "sqlite://", "http://[", "+1555", "\u0663s", "9" * 5000]
    ),
)
names = st.sampled_from(
    [*SECTIONS, "nodes", "trunks", "name", "host", "port", "bind", "url", "password", "sip_bind", "rtp_ports", "match"]
) | st.text(string.printable, max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | scalars.filter(_hashable), inner, max_size=4),
    max_leaves=12,
)


def told(text: str) -> str:
    """Return what is said of a configuration, nothing where it is taken."""
    try:
        parse_config(text, ENVIRON)
    except ConfigError as error:
        return str(error) + repr(error.mistakes)
    return ""


@examples(120)
@given(st.dictionaries(st.sampled_from(SECTIONS) | names, values, max_size=3))
def test_any_structure_is_taken_or_its_mistakes_are_named(structure: dict[str, object]) -> None:
    told(yaml.safe_dump(structure, allow_unicode=True))


@examples(120)
@example("a: &a [*a]")
@example("a: &a {b: *a}")
@example("? [a]\n: b")
@example("? {a: b}\n: c")
@example("!!python/object:os.system {}")
@example("2026-99-99")
@example("web: 2026-99-99")
@example("a: !!int x")
@example("a: !!timestamp x")
@example("a: !!binary ä")
@example("--- a\n--- b")
@example("<<: 1")
@example("web: {<<: [1]}")
@example("[" * 5000)
@example("{a: " * 2000)
@example("web: " + "9" * 5000)
@example("web: 0x" + "f" * 5000)
@example("web: " + "1:" * 3000 + "1")
@example("\x00")
@example("a: \ud800")
@given(st.text(max_size=80) | st.text(":-{}[]&*!|>?%@`'\"#, \n\tab1", max_size=60))
def test_any_text_is_taken_or_its_mistakes_are_named(text: str) -> None:
    told(text)


@examples(60)
@given(st.sampled_from(SECRETS), st.sampled_from([SECRET, "${TRUNK_PASSWORD}"]), values)
def test_secret_is_not_repeated_whatever_is_wrong_with_it(path: str, secret: str, other: object) -> None:
    section, *rest = path.split(".")
    key = rest[-1]
    for value in (secret, [secret], {"x": secret}, secret + "\n", " " + secret):
        entry: object = {key: value, "name": other, "host": other}
        document = {section: {rest[0]: [entry]} if len(rest) == 2 else entry}
        assert SECRET not in told(yaml.safe_dump(document))


@examples(60)
@given(st.integers(0, 400), st.binary(max_size=3))
def test_damaged_file_is_taken_or_its_mistakes_are_named(place: int, damage: bytes) -> None:
    nodes = "asterisk:\n  nodes: [{name: a, host: 127.0.0.1}]\n"
    good = nodes + f"  trunks:\n    - {{name: b, node: a, host: x, password: {SECRET}}}\n"
    data = good.encode()
    place %= len(data)
    text = (data[:place] + damage + data[place + 1 :]).decode("utf-8", "replace")
    assume(SECRET in text)
    assert SECRET not in told(text)
