"""The gateway's own secrets: given by the configuration, or made once and kept under ``var_dir``.

Every purpose has its own key, derived from the one secret key by HKDF (RFC 5869), so that no
key can be used for another purpose than its own.
"""

import base64
import os
import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from gateway.config.schema import Config
from gateway.services.tokens import SourceTokens

log = structlog.get_logger(__name__)

_DIRECTORY = "secrets"
_SECRET_BYTES = 32
_KEY_BYTES = 32
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class SecretsError(Exception):
    """A secret could not be read or kept. Make ``var_dir`` writable for the user who runs the gateway."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Secrets:
    """The keys of this installation. All machines that share a database need the same ``secret_key``.

    ``token_hash_key`` hashes the tokens of alert sources (HMAC-SHA256), ``token_encryption_key``
    encrypts their copies (Fernet), ``link_key`` signs acknowledgement links, ``media_key`` the
    addresses of voice notes and ``session_key`` the sessions of the web pages.
    ``ami_secrets`` maps the name of each Asterisk node to the password of its AMI user.
    """

    token_hash_key: bytes
    token_encryption_key: bytes
    link_key: bytes
    media_key: bytes
    session_key: bytes
    ami_secrets: Mapping[str, str] = field(default_factory=dict)


def load_secrets(config: Config) -> Secrets:
    """Return the secrets, making and keeping those that are neither given nor kept. Raises ``SecretsError``."""
    directory = config.var_dir / _DIRECTORY
    master = _given_or_kept(config.secret_key, directory / "secret_key").encode()
    nodes = config.asterisk.nodes if config.asterisk else ()
    return Secrets(
        token_hash_key=_derive(master, "source token hash"),
        token_encryption_key=base64.urlsafe_b64encode(_derive(master, "source token encryption")),
        link_key=_derive(master, "acknowledgement link"),
        media_key=_derive(master, "media address"),
        session_key=_derive(master, "web session"),
        ami_secrets={node.name: _given_or_kept(node.secret, directory / f"ami-{node.name}") for node in nodes},
    )


def source_tokens(config: Config, secrets: Secrets) -> SourceTokens:
    """Return what hashes the tokens of alert sources, and encrypts their copies where those are kept."""
    encryption_key = secrets.token_encryption_key if config.web.keep_source_tokens else None
    return SourceTokens(hash_key=secrets.token_hash_key, encryption_key=encryption_key)


def _given_or_kept(given: SecretStr | None, file: Path) -> str:
    return given.get_secret_value() if given is not None else _kept(file)


def _kept(file: Path) -> str:
    try:
        if not file.exists():
            _make(file)
        if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            log.warning("secret_file_was_readable_by_others", file=str(file))
            file.chmod(stat.S_IRUSR | stat.S_IWUSR)
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SecretsError(f"{file}: {getattr(error, 'strerror', None) or 'not a secret'}") from error
    if not secret:
        raise SecretsError(f"{file} is empty: restore it from a backup, or delete it to have a new secret made")
    return secret


def _make(file: Path) -> None:
    """Write a new secret, unless another process is quicker.

    The file appears under its name complete or not at all, and never replaces another: a hard link
    to a finished file fails where the name is taken.
    """
    file.parent.parent.mkdir(parents=True, exist_ok=True)
    file.parent.mkdir(mode=stat.S_IRWXU, exist_ok=True)
    draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(secrets.token_hex(_SECRET_BYTES) + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(draft, file)
        except FileExistsError:
            return
        _sync_directory(file.parent)
        log.info("secret_made", file=str(file))
    finally:
        draft.unlink()


def _sync_directory(directory: Path) -> None:
    """Make the new name as durable as its content: a secret that was used must not be gone after a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _derive(master: bytes, purpose: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=f"tocsin {purpose}".encode()).derive(master)
