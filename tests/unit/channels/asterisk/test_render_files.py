import configparser
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from gateway.channels.asterisk.provision import ProvisionError, layout_of, render, versions
from gateway.channels.asterisk.provision_files import Layout, plain_value
from gateway.channels.asterisk.provision_process import Installation
from gateway.config.schema import AsteriskConfig, TrunkConfig

Section = tuple[str, dict[str, list[str]]]


def config(*trunks: dict[str, object], **node: object) -> AsteriskConfig:
    return AsteriskConfig.model_validate(
        {
            "nodes": [
                {"name": "pbx1", "host": "127.0.0.1", **node},
                {"name": "pbx2", "host": "127.0.0.1", "port": 5039},
            ],
            "trunks": [
                {"name": "carrier-a", "node": "pbx1", "host": "sip.carrier.example", **trunk} for trunk in trunks
            ],
        }
    )


def unchecked(**trunk: object) -> AsteriskConfig:
    """Return a configuration whose trunk was never seen by the configuration's own checks."""
    checked = config({})
    built = TrunkConfig.model_construct(**{**dict(checked.trunks[0]), **trunk})
    return checked.model_copy(update={"trunks": (built,)})


def rendered(config: AsteriskConfig, directory: Path, secret: str = "s3cret", **options: object) -> Layout:
    return render(config, config.nodes[0], secret, directory, **options)  # type: ignore[arg-type]


def sections(path: Path) -> list[Section]:
    """Read a file as Asterisk does: a semicolon begins a comment unless a backslash stands before it."""
    found: list[Section] = []
    for line in path.read_text().splitlines():
        text = line.replace("\\;", "\0").split(";")[0].replace("\0", ";").strip()
        if text.startswith("["):
            found.append((text.strip("[]"), {}))
        elif text:
            name, _, value = text.partition("=")
            found[-1][1].setdefault(name.strip(), []).append(value.lstrip(">").strip())
    return found


def pjsip(layout: Layout, kind: str) -> list[Section]:
    return [section for section in sections(layout.etc / "pjsip.conf") if section[1]["type"] == [kind]]


def test_trunk_known_by_its_address_neither_registers_nor_has_a_password(tmp_path: Path) -> None:
    layout = rendered(config({"caller_id": "+15550100"}), tmp_path)
    assert pjsip(layout, "registration") == []
    assert pjsip(layout, "auth") == []
    (endpoint,) = pjsip(layout, "endpoint")
    assert endpoint[0] == "carrier-a"
    assert endpoint[1]["context"] == ["tocsin-inbound"]
    assert endpoint[1]["direct_media"] == ["no"]
    assert endpoint[1]["media_address"] == ["127.0.0.1"]
    assert endpoint[1]["from_user"] == ["+15550100"]
    assert "outbound_auth" not in endpoint[1]
    assert pjsip(layout, "identify")[0][1]["match"] == ["sip.carrier.example"]
    assert pjsip(layout, "aor")[0][1]["contact"] == ["sip:sip.carrier.example:5060"]


def test_trunk_with_a_username_registers(tmp_path: Path) -> None:
    layout = rendered(
        config(
            {"username": "me@home", "password": "p;w", "transport": "tcp", "port": 5070, "codecs": ["opus", "g722"]}
        ),
        tmp_path,
    )
    (registration,) = pjsip(layout, "registration")
    assert registration[1]["server_uri"] == ["sip:sip.carrier.example:5070;transport=tcp"]
    assert registration[1]["client_uri"] == ["sip:me%40home@sip.carrier.example:5070;transport=tcp"]
    assert pjsip(layout, "auth")[0][1]["password"] == ["p;w"]
    assert pjsip(layout, "auth")[0][1]["username"] == ["me@home"]
    assert pjsip(layout, "endpoint")[0][1]["allow"] == ["opus,g722"]
    assert [section[0] for section in pjsip(layout, "transport")] == ["transport-tcp", "transport-udp"]
    modules = (layout.etc / "modules.conf").read_text()
    assert "codec_g722.so" in modules
    assert "opus" in modules


def test_registration_can_be_switched_off(tmp_path: Path) -> None:
    layout = rendered(config({"username": "u", "password": "p", "register": False}), tmp_path)
    assert pjsip(layout, "registration") == []
    assert len(pjsip(layout, "auth")) == 1


def test_each_node_has_its_own_trunks_directories_and_port(tmp_path: Path) -> None:
    both = config({}, {"name": "carrier-b", "node": "pbx2", "host": "192.0.2.7"})
    first, second = (render(both, node, "s3cret", tmp_path) for node in both.nodes)
    assert [section[0] for section in pjsip(first, "endpoint")] == ["carrier-a"]
    assert [section[0] for section in pjsip(second, "endpoint")] == ["carrier-b"]
    assert dict(sections(second.etc / "manager.conf"))["general"]["port"] == ["5039"]
    directories = [dict(sections(layout.config_file))["directories"] for layout in (first, second)]
    assert not {path for (path,) in directories[0].values()} & {path for (path,) in directories[1].values()}


@pytest.mark.parametrize("password", ["x\nendpoint=evil", "x\r\n[evil]", "x\x00y", " x", "x\u2028y", "x\t"])
def test_password_that_would_begin_another_line_is_refused(tmp_path: Path, password: str) -> None:
    with pytest.raises(ProvisionError, match="line break") as raised:
        rendered(unchecked(username="u", password=SecretStr(password)), tmp_path)
    assert password not in str(raised.value)


@pytest.mark.parametrize("secret", ["x\nwrite = all", "x\rwrite = all", "x "])
def test_secret_that_would_begin_another_line_is_refused(tmp_path: Path, secret: str) -> None:
    with pytest.raises(ProvisionError, match="line break"):
        rendered(config(), tmp_path, secret)


def test_values_past_the_configurations_own_checks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError):
        rendered(unchecked(username="u\ntype=endpoint", password=SecretStr("p")), tmp_path)


@pytest.mark.parametrize(
    "password", ["p;w;--x [y]", "[general]", "#include /etc/passwd", "=> x", "\\;", "a\\", "${SHELL(id)}"]
)
def test_awkward_password_stays_one_value(tmp_path: Path, password: str) -> None:
    layout = rendered(config({"username": "u", "password": password}), tmp_path)
    if not password.endswith("\\"):
        assert pjsip(layout, "auth")[0][1]["password"] == [password.replace("\\;", "\\;")]
    assert len(sections(layout.etc / "pjsip.conf")) == len(sections(rendered(plain(), tmp_path).etc / "pjsip.conf"))


def plain() -> AsteriskConfig:
    return config({"username": "u", "password": "p"})


def test_semicolons_are_escaped() -> None:
    assert plain_value("a;b") == "a\\;b"


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    layout = rendered(config({}), tmp_path)
    assert {stat.S_IMODE(path.stat().st_mode) for path in layout.etc.iterdir()} == {0o600}
    directories = [layout.base, *(path for path in layout.base.iterdir() if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in directories} == {0o700}


def test_rendering_again_replaces_files_and_leaves_nothing_else(tmp_path: Path) -> None:
    layout = rendered(config({}), tmp_path)
    (layout.etc / "pjsip.conf").chmod(0o644)
    rendered(config({}), tmp_path)
    assert stat.S_IMODE((layout.etc / "pjsip.conf").stat().st_mode) == 0o600
    assert {path.suffix for path in layout.etc.iterdir()} == {".conf"}


def test_ami_user_has_no_rights_that_reach_a_shell(tmp_path: Path) -> None:
    layout = rendered(config({}), tmp_path)
    user = dict(sections(layout.etc / "manager.conf"))["tocsin"]
    assert user["write"] == ["originate,call,reporting"]
    assert user["permit"] == ["127.0.0.0/8", "::1/128"]
    loaded = (layout.etc / "modules.conf").read_text().partition("[modules]")[2]
    for module in (
        "app_system",
        "app_exec",
        "func_shell",
        "res_agi",
        "func_curl",
        "app_originate",
        "anonymous",
        "pbx_spool",
    ):
        assert module not in loaded


def test_gateways_of_other_machines_are_let_in_by_their_address(tmp_path: Path) -> None:
    layout = rendered(config({}, host="192.0.2.1"), tmp_path, gateways=("192.0.2.9", "198.51.100.0/24"))
    manager = dict(sections(layout.etc / "manager.conf"))
    assert manager["general"]["bindaddr"] == ["192.0.2.1"]
    assert manager["tocsin"]["permit"][2:] == ["192.0.2.9/32", "198.51.100.0/24"]
    with pytest.raises(ProvisionError, match="no address"):
        rendered(config({}), tmp_path, gateways=("all\npermit=0.0.0.0/0",))


def test_carrier_with_an_ipv6_address_is_written_in_brackets(tmp_path: Path) -> None:
    layout = rendered(config({"host": "2001:db8::5"}, sip_bind="[::1]:5060"), tmp_path)
    assert pjsip(layout, "aor")[0][1]["contact"] == ["sip:[2001:db8::5]:5060"]
    assert pjsip(layout, "endpoint")[0][1]["media_address"] == ["::1"]


def test_port_inside_a_trunks_host_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="own key"):
        rendered(config({"host": "sip.carrier.example:5070"}), tmp_path)


def test_node_bound_to_every_address_names_the_one_that_the_carrier_is_reached_from(tmp_path: Path) -> None:
    layout = rendered(config({"host": "127.0.0.1"}, sip_bind="0.0.0.0:5060"), tmp_path)
    assert pjsip(layout, "endpoint")[0][1]["media_address"] == ["127.0.0.1"]


def test_username_without_a_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no password"):
        rendered(config({"username": "u"}), tmp_path)


def test_empty_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="no secret"):
        rendered(config(), tmp_path, "")


def test_username_that_is_a_section_of_asterisks_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="choose another"):
        rendered(config(username="general"), tmp_path)


def test_path_too_long_for_the_control_socket_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="shorter var_dir"):
        rendered(config(), tmp_path / ("x" * 100))
    assert list(tmp_path.iterdir()) == []


def test_missing_templates_are_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ProvisionError, match="checkout"):
        rendered(config(), tmp_path, templates=tmp_path / "nowhere")


def test_dialplan_tells_its_version(tmp_path: Path) -> None:
    configured = config({})
    layout = rendered(configured, tmp_path)
    parser = configparser.ConfigParser(strict=False, delimiters=("=",), allow_no_value=True, interpolation=None)
    parser.read_string((layout.etc / "extensions.conf").read_text())
    assert parser["globals"]["TOCSIN_DIALPLAN_VERSION"] == versions(configured, configured.nodes[0]).dialplan


def test_root_of_its_own_is_named_in_the_directories(tmp_path: Path) -> None:
    installation = Installation(("asterisk",), Path("/opt/root/modules"), Path("/opt/root/share"))
    layout = rendered(config({}), tmp_path, installation=installation)
    directories = dict(sections(layout.config_file))["directories"]
    assert directories["astmoddir"] == ["/opt/root/modules"]
    assert directories["astdatadir"] == ["/opt/root/share"]
    assert layout == layout_of(config().nodes[0], tmp_path)


def test_files_for_another_machine_name_its_directories(tmp_path: Path) -> None:
    layout = rendered(config({}), tmp_path, at=Path("/srv/tocsin"))
    assert layout == layout_of(config().nodes[0], tmp_path)
    directories = dict(sections(layout.config_file))["directories"]
    assert {path for (path,) in directories.values()} == {
        f"/srv/tocsin/pbx1/{name}" for name in ("etc", "state", "spool", "run", "log")
    }


def test_address_that_only_this_machine_sees_is_not_written_for_another(tmp_path: Path) -> None:
    anywhere = config({"host": "127.0.0.1"}, sip_bind="0.0.0.0:5060")
    layout = rendered(anywhere, tmp_path, at=Path("/srv/tocsin"))
    assert "media_address" not in pjsip(layout, "endpoint")[0][1]


def test_what_only_this_machine_sees_is_no_part_of_the_versions(tmp_path: Path) -> None:
    anywhere = config({"host": "127.0.0.1"}, sip_bind="0.0.0.0:5060")
    here, there = rendered(anywhere, tmp_path / "a"), rendered(anywhere, tmp_path / "b", at=Path("/srv/tocsin"))
    (own,), (other,) = ({section[1]["accountcode"][0] for section in pjsip(made, "endpoint")} for made in (here, there))
    assert own == other == versions(anywhere, anywhere.nodes[0], "s3cret").pjsip


def test_versions_change_with_what_is_rendered_and_with_the_secret() -> None:
    plain, changed = config({}), config({"codecs": ["alaw"]})
    one, other = versions(plain, plain.nodes[0], "a"), versions(changed, changed.nodes[0], "a")
    assert (one.dialplan, one.pjsip != other.pjsip) == (other.dialplan, True)
    assert versions(plain, plain.nodes[0], "b").pjsip != one.pjsip


def test_trunk_over_tls_leaves_by_a_transport_that_verifies(tmp_path: Path) -> None:
    own = {"certificate": "/etc/x/cert.pem", "key": "/etc/x/key.pem", "ca_file": "/etc/x/ca.pem", "method": "tlsv1_3"}
    both = config({"transport": "tls", "srtp": "sdes"}, {"name": "carrier-b", "transport": "tls", "tls": own})
    layout = rendered(both, tmp_path)
    found = dict(pjsip(layout, "transport"))
    assert found["transport-tls"]["bind"] == ["127.0.0.1:5061"]
    assert found["transport-tls"]["method"] == ["tlsv1_2"]
    assert found["transport-tls"]["verify_server"] == ["yes"]
    assert found["transport-tls"]["ca_list_file"] == ["/etc/ssl/certs/ca-certificates.crt"]
    assert "cert_file" not in found["transport-tls"]
    assert found["transport-tls-carrier-b"]["bind"] == ["127.0.0.1:0"]
    assert found["transport-tls-carrier-b"]["cert_file"] == ["/etc/x/cert.pem"]
    first, second = pjsip(layout, "endpoint")
    assert first[1]["media_encryption"] == ["sdes"]
    assert first[1]["media_encryption_optimistic"] == ["no"]
    assert "media_encryption" not in second[1]
    assert second[1]["transport"] == ["transport-tls-carrier-b"]
    assert pjsip(layout, "aor")[0][1]["contact"] == ["sip:sip.carrier.example:5061;transport=tls"]
    assert "res_srtp.so" in (layout.etc / "modules.conf").read_text()


def test_plain_ami_stays_on_this_machine_where_the_node_has_tls(tmp_path: Path) -> None:
    layout = rendered(config({}, host="192.0.2.1", ami_tls={"certificate": "/etc/x/ami.pem"}), tmp_path)
    general = dict(sections(layout.etc / "manager.conf"))["general"]
    assert general["tlsbindaddr"] == ["192.0.2.1:5038"]
    assert (general["bindaddr"], general["port"]) == (["127.0.0.2"], ["5039"])
    assert general["tlsprivatekey"] == ["/etc/x/ami.pem"]


def test_registrations_at_one_carrier_are_marked_and_a_single_one_is_not(tmp_path: Path) -> None:
    account = {"username": "u", "password": "p"}
    two = rendered(config(account, {**account, "name": "carrier-b"}), tmp_path / "two")
    assert [section[1]["line"] for section in pjsip(two, "registration")] == [["yes"], ["yes"]]
    one = rendered(config(account, {"name": "carrier-b"}), tmp_path / "one")
    assert "line" not in pjsip(one, "registration")[0][1]
