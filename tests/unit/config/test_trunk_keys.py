"""Mistakes in the keys of nodes and trunks, and what is odd about them: each with its place and what to write."""

from datetime import timedelta
from typing import Any

import pytest

from gateway.config.loader import parse_config
from gateway.config.mistakes import ConfigError, Mistake

NODE = "{name: a, host: 127.0.0.1, %s}"
TRUNK = "{name: t, node: a, host: 192.0.2.1, %s}"


def text(trunk: str = "", node: str = "", *, more_trunks: str = "") -> str:
    return f"asterisk: {{nodes: [{NODE % node}], trunks: [{TRUNK % trunk}{more_trunks}]}}"


def trunk(keys: str) -> Any:
    section = parse_config(text(keys), {})[0].asterisk
    assert section is not None
    return section.trunks[0]


def mistakes(configuration: str) -> list[Mistake]:
    with pytest.raises(ConfigError) as caught:
        parse_config(configuration, {})
    return list(caught.value.mistakes)


def oddities(configuration: str) -> dict[str, Mistake]:
    return {warning.path: warning for warning in parse_config(configuration, {})[1]}


@pytest.mark.parametrize(
    ("keys", "key", "problem", "suggestion"),
    [
        ("number_format: national", "number_format", "unknown country", "add country"),
        ("caller_id_format: national", "caller_id_format", "unknown country", "add country"),
        ("country: Deutschland", "country", "not a country", "its two letters"),
        ("p_asserted_identity: caller_id", "p_asserted_identity", "no caller_id", "add caller_id"),
        ("p_asserted_identity: yes", "p_asserted_identity", "not understood", "write off, caller_id"),
        ("prefix: '*31#'", "prefix", "not a prefix", "write digits"),
        ("qualify: 500ms", "qualify", "not whole seconds", "as in 30s"),
        ("register_expiry: 10s", "register_expiry", "too short", "at least 1m"),
        ("outbound_proxy: 'sip:proxy'", "outbound_proxy", "not a host", "without sip:"),
        ("registrar: 'reg:99999'", "registrar", "not a host", "without sip:"),
        ("match: [192.0.2.0/33]", "match[0]", "not an address or network", "192.0.2.0/28"),
        ("match: ['sip carrier']", "match[0]", "not an address, network or host", "sip2.carrier.example"),
        ("codecs: []", "codecs", "an empty list", "leave the key out"),
        ("codecs: [ulaw, ulaw]", "codecs", "stands twice", "keep one"),
        ("srtp: dtls", "srtp", "must be off or sdes", ""),
        ("tls: {ca_file: ca.pem}", "tls.ca_file", "not an absolute path", ""),
        ("tls: {certificate: /c.pem}", "tls.certificate", "no key beside it", "add key"),
        ("tls: {key: /k.pem}", "tls.key", "no certificate beside it", "add certificate"),
        ("tls: {method: sslv3}", "tls.method", "must be tlsv1_2 or tlsv1_3", ""),
        ("privacy: perhaps", "privacy", "must be true or false", ""),
    ],
)
def test_mistake_in_a_trunk_is_told_with_what_to_write(keys: str, key: str, problem: str, suggestion: str) -> None:
    (mistake,) = mistakes(text(keys))
    assert mistake.path == f"asterisk.trunks[0].{key}"
    assert problem in mistake.problem
    assert suggestion in (mistake.suggestion or "")


@pytest.mark.parametrize(
    ("keys", "key", "problem"),
    [
        ("sip_permit: [everybody]", "sip_permit[0]", "not an address or network"),
        ("gateways: [10.0.0.0/40]", "gateways[0]", "not an address or network"),
        ("local_networks: [here]", "local_networks[0]", "not an address or network"),
        ("sip_tls_bind: 'sip.example:5061'", "sip_tls_bind", ""),
        ("ami_tls: {}", "ami_tls.certificate", "is needed and missing"),
        ("ami_tls: {certificate: cert.pem}", "ami_tls.certificate", "not an absolute path"),
        ("tls: {ca_file: '/a;b'}", "tls.ca_file", "not an absolute path"),
    ],
)
def test_mistake_in_a_node_is_told(keys: str, key: str, problem: str) -> None:
    found = {mistake.path: mistake for mistake in mistakes(text(node=keys))}
    assert problem in found[f"asterisk.nodes[0].{key}"].problem


def test_all_mistakes_are_told_at_once() -> None:
    found = mistakes(text("number_format: national, qualify: 1ms, srtp: x, tls: {key: /k.pem}", "sip_permit: [x]"))
    assert [mistake.path for mistake in found] == [
        "asterisk.nodes[0].sip_permit[0]",
        "asterisk.trunks[0].number_format",
        "asterisk.trunks[0].qualify",
        "asterisk.trunks[0].srtp",
        "asterisk.trunks[0].tls.key",
    ]


def test_defaults_are_those_of_a_trunk_that_works_with_most_carriers() -> None:
    plain = trunk("username: u, password: a-long-password")
    assert (plain.port, plain.transport, plain.srtp, plain.number_format) == (5060, "udp", "off", "e164")
    assert (plain.qualify, plain.register_expiry) == (timedelta(seconds=30), timedelta(minutes=5))
    assert trunk("transport: tls").port == 5061
    assert trunk("transport: tls, port: 5099").port == 5099
    assert trunk("country: de, number_format: national").country == "DE"
    assert trunk("match: [192.0.2.7, 2001:db8::/32, sip2.carrier.example]").match == (
        "192.0.2.7/32",
        "2001:db8::/32",
        "sip2.carrier.example",
    )


def test_identity_that_is_asserted_is_a_number_of_its_own_the_caller_id_or_none() -> None:
    assert trunk("caller_id: '+15550100'").asserted_number is None
    assert trunk("caller_id: '+15550100', p_asserted_identity: caller_id").asserted_number == "+15550100"
    assert trunk("caller_id: '+15550100', p_asserted_identity: '+15550199'").asserted_number == "+15550199"


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ("registrar: reg.example", "registrar"),
        ("contact_user: u", "contact_user"),
        ("tls: {ca_file: /ca.pem}", "tls"),
        ("prefix: '9'", "prefix"),
        ("privacy: true", "privacy"),
        ("codecs: [opus], dtmf_mode: inband", "dtmf_mode"),
        ("srtp: sdes", "srtp"),
        ("max_calls: 6000", None),
    ],
)
def test_what_works_and_is_odd_is_a_warning(keys: str, key: str | None) -> None:
    expected = f"asterisk.trunks[0].{key}" if key else "asterisk.nodes[0].rtp_ports"
    assert expected in oddities(text(keys))


def test_two_nodes_on_a_host_need_audio_ports_of_their_own() -> None:
    other = "{name: b, host: 127.0.0.1, port: 5039, sip_bind: '127.0.0.1:5070'%s}"
    nodes = "asterisk: {nodes: [{name: a, host: 127.0.0.1}, %s]}"
    assert "asterisk.nodes[1].rtp_ports" in oddities(nodes % (other % ""))
    assert "asterisk.nodes[1].rtp_ports" not in oddities(nodes % (other % ", rtp_ports: 30000-31000"))
