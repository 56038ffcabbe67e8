import multiprocessing
import stat
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from gateway.app.secrets import SecretsError, load_secrets
from gateway.config.loader import parse_config
from gateway.config.schema import Config

NODES = "asterisk: {nodes: [{name: pbx1, host: h}, {name: pbx2, host: i, secret: given}]}\n"


def config(var_dir: Path, more: str = "") -> Config:
    return parse_config(f"var_dir: {var_dir}\n{more}", {})[0]


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = load_secrets(config(tmp_path / "var", NODES))
    assert load_secrets(config(tmp_path / "var", NODES)) == first
    assert first.ami_secrets["pbx2"] == "given"
    assert len(first.ami_secrets["pbx1"]) == 64


def test_kept_secrets_can_be_read_by_their_owner_alone(tmp_path: Path) -> None:
    load_secrets(config(tmp_path / "var", NODES))
    directory = tmp_path / "var" / "secrets"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()} == {
        "secret_key": 0o600,
        "ami-pbx1": 0o600,
    }


def test_a_kept_secret_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    load_secrets(config(tmp_path))
    file = tmp_path / "secrets" / "secret_key"
    file.chmod(0o644)
    load_secrets(config(tmp_path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_every_purpose_has_its_own_key_and_every_secret_key_its_own(tmp_path: Path) -> None:
    one, other = (load_secrets(config(tmp_path, f"secret_key: {key * 32}")) for key in "ab")
    keys = [
        getattr(secrets, name)
        for secrets in (one, other)
        for name in ("token_hash_key", "token_encryption_key", "link_key", "media_key", "session_key")
    ]
    assert len(set(keys)) == 10
    assert not (tmp_path / "secrets").exists()


def test_secrets_are_not_shown_where_they_are_printed(tmp_path: Path) -> None:
    secrets = load_secrets(config(tmp_path, NODES))
    assert "given" not in repr(secrets)


def test_an_empty_secret_file_is_not_silently_replaced(tmp_path: Path) -> None:
    load_secrets(config(tmp_path))
    (tmp_path / "secrets" / "secret_key").write_text("", encoding="ascii")
    with pytest.raises(SecretsError, match="is empty"):
        load_secrets(config(tmp_path))


def test_a_directory_that_cannot_be_made_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("", encoding="ascii")
    with pytest.raises(SecretsError, match="var/secrets/secret_key"):
        load_secrets(config(tmp_path / "var"))


def _start(var_dir: Path, together: Barrier, found: Path) -> None:
    together.wait(60)
    secrets = load_secrets(config(var_dir, NODES))
    found.write_text(secrets.link_key.hex() + secrets.ami_secrets["pbx1"], encoding="ascii")


def test_twenty_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(20)
    files = [tmp_path / f"found-{number}" for number in range(20)]
    processes = [context.Process(target=_start, args=(tmp_path / "var", together, file)) for file in files]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    assert [process.exitcode for process in processes] == [0] * 20
    assert len({file.read_text(encoding="ascii") for file in files}) == 1
    assert {file.name for file in (tmp_path / "var" / "secrets").iterdir()} == {"secret_key", "ami-pbx1"}
