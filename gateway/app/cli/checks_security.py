"""Weaknesses of an installation: what works and makes an attack easier. They are warned of and fail nothing."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from gateway.app.cli.checks import Check, Finding, ok, warn
from gateway.config.advice_asterisk import weaknesses
from gateway.config.mistakes import Mistake
from gateway.config.schema import Config

_SQLITE = "sqlite:///"
_SHORTEST_SECRET_KEY = 16
_NAMED = 3  # files that a finding names


def security_checks(config: Config, file: Path | None) -> list[Check]:
    """Return a check for each weakness of the configuration, and one for the files. ``file`` is the configuration's."""
    found = [_known(mistake) for mistake in config_weaknesses(config)]
    return [Check("files", lambda: _files(config, file)), *(found or [Check("security", _no_weakness)])]


def config_weaknesses(config: Config) -> Iterator[Mistake]:
    """Yield every weakness that the configuration alone shows."""
    key = config.secret_key.get_secret_value() if config.secret_key else None
    if key is not None and len(key) < _SHORTEST_SECRET_KEY:
        yield Mistake(
            path="secret_key",
            problem="short enough to be guessed",
            suggestion="write 32 random characters, as from: openssl rand -hex 32",
        )
    section = config.asterisk
    if section is None or not section.nodes:
        return
    yield from weaknesses(section)
    for index, node in enumerate(section.nodes):
        if node.secret is not None and node.secret.get_secret_value() == key:
            yield Mistake(
                path=f"asterisk.nodes[{index}].secret",
                problem="the same as secret_key: whoever can read Asterisk's files could forge links and sessions",
                suggestion="leave it out, and a strong one is made and kept under var_dir",
            )
    if section.trunks and not config.call_safety.allowed:
        yield Mistake(
            path="call_safety.allowed",
            problem="every country may be called: whoever gets in can call expensive numbers at your cost",
            suggestion="name the countries of your contacts, as in [+49, +43]",
        )


def _known(mistake: Mistake) -> Check:
    return Check(f"security {mistake.path}", lambda: warn(mistake.problem, mistake.suggestion or ""))


def _no_weakness() -> Finding:
    return ok("no weakness of the configuration is known")


def _files(config: Config, file: Path | None) -> Finding:
    """Tell whether other users of this machine can read secrets, passwords or the record."""
    open_to_all = [path for path in _private_files(config, file) if _others_read(path)]
    if not open_to_all:
        return ok("nobody else can read secrets, passwords and the record")
    names = ", ".join(str(path) for path in open_to_all[:_NAMED])
    more = f" and {len(open_to_all) - _NAMED} more" if len(open_to_all) > _NAMED else ""
    return warn(
        f"other users of this machine can read {names}{more}",
        f"chmod o-rwx,g-w {config.var_dir} and these files, and give them to the user who runs the gateway",
    )


def _private_files(config: Config, file: Path | None) -> Iterator[Path]:
    if file is not None and _has_passwords(config):
        yield file
    yield from sorted((config.var_dir / "secrets").glob("*"))
    yield from sorted((config.var_dir / "asterisk").glob("*/etc/*.conf"))
    if config.database_url.startswith(_SQLITE):
        yield Path(config.database_url.removeprefix(_SQLITE).partition("?")[0])


def _has_passwords(config: Config) -> bool:
    """Whether the configuration holds a secret; those that come from the environment count, too."""
    asterisk = config.asterisk
    given = [config.secret_key, config.twilio and config.twilio.auth_token, config.telegram]
    given += [node.secret for node in asterisk.nodes] if asterisk else []
    given += [trunk.password for trunk in asterisk.trunks] if asterisk else []
    return any(given)


def _others_read(path: Path) -> bool:
    """Whether any user can read the file: it, and every directory above it, must let them."""
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return False
        return all(parent.stat().st_mode & stat.S_IXOTH for parent in Path(os.path.realpath(path)).parents)
    except OSError:
        return False
