"""Finding, reading and checking the configuration file.

The order is: the file that was named, the one in ``$TOCSIN_CONFIG``, ``./tocsin.yaml``, and
where there is none, the built-in defaults. Relative paths in the file are relative to the
working directory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from gateway.config.advice import advise
from gateway.config.crosschecks import check_backoff, cross_check
from gateway.config.document import Document, parse
from gateway.config.environment import made_where_absent, substitute
from gateway.config.mistakes import ConfigError, KeyPath, Mistake, written
from gateway.config.schema import Config, PolicyConfig
from gateway.config.wording import mistakes_of
from gateway.model.policy import Policy

ENVIRONMENT_VARIABLE = "TOCSIN_CONFIG"
DEFAULT_FILE = Path("tocsin.yaml")
_LARGEST_FILE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedConfig:
    """A configuration that can be used, the file it came from and what is odd about it."""

    config: Config
    file: Path | None
    warnings: tuple[Mistake, ...] = ()


def load(path: Path | None, environ: Mapping[str, str]) -> Config:
    """Return the configuration. Raises ``ConfigError`` with every mistake."""
    return read(path, environ).config


def read(path: Path | None, environ: Mapping[str, str]) -> LoadedConfig:
    """Return the configuration with its file and its warnings. Raises ``ConfigError`` with every mistake."""
    file = find_file(path, environ)
    if file is None:
        config = Config()
        return LoadedConfig(config=config, file=None, warnings=tuple(advise(config)))
    config, warnings = parse_config(_text_of(file), environ, source=str(file))
    return LoadedConfig(config=config, file=file, warnings=tuple(warnings))


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the file that ``load`` reads; ``None`` where the built-in defaults hold."""
    if path is not None:
        return path
    if named := environ.get(ENVIRONMENT_VARIABLE):
        return Path(named)
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def parse_config(
    text: str, environ: Mapping[str, str], *, source: str = "configuration"
) -> tuple[Config, list[Mistake]]:
    """Return the configuration that the YAML text means, and its warnings. Raises ``ConfigError``."""
    document = parse(text, source=source)
    mistakes, warnings = document.mistakes, list[Mistake]()
    values = substitute(document.value, environ, mistakes=mistakes, warnings=warnings)
    values = _without_empty_secrets({} if values is None else values)
    if not isinstance(values, dict):
        raise ConfigError([Mistake(path="", problem="must be a section with keys, as in web: {…}")], source=source)
    spoken_for = {mistake.path for mistake in mistakes}
    config = None
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        # What a reference that could not be replaced leaves behind is wrong only because of that.
        mistakes += [mistake for mistake in mistakes_of(error, Config) if mistake.path not in spoken_for]
    mistakes += [mistake for mistake in cross_check(values) if mistake.path not in spoken_for]
    if mistakes or config is None:
        raise ConfigError(_located(mistakes, document), source=source)
    return config, _located([*warnings, *advise(config)], document)


def effective_policy(base: PolicyConfig, overrides: Mapping[str, object]) -> Policy:
    """Return the configured policy with a license's overrides, which use the same keys and notation.

    Raises ``ConfigError`` with every mistake in the overrides.
    """
    if not overrides:
        return base.policy()
    values: dict[str, object] = {**dict(base), **overrides}
    try:
        policy = PolicyConfig.model_validate(values).policy()
    except ValidationError as error:
        raise ConfigError(
            mistakes_of(error, PolicyConfig, prefix=("policy",)), source="policy of the license"
        ) from None
    if mistakes := list(check_backoff(values, ("policy",))):
        raise ConfigError(mistakes, source="policy of the license")
    return policy


def _text_of(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(
            [
                Mistake(
                    path="", problem=f"cannot be read: {error.strerror}", suggestion="check its name and permissions"
                )
            ],
            source=str(file),
        ) from None
    if len(content) > _LARGEST_FILE:
        raise ConfigError([Mistake(path="", problem="larger than 1 MiB")], source=str(file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ConfigError(
            [Mistake(path="", problem="not UTF-8", suggestion="save it as UTF-8", line=line)], source=str(file)
        ) from None


def _without_empty_secrets(value: object, path: KeyPath = ()) -> object:
    """Return the values without secrets that are empty: ``${NAME:-}`` leaves them to the gateway to make."""
    if isinstance(value, dict):
        return {
            key: _without_empty_secrets(item, (*path, key))
            for key, item in value.items()
            if not (item == "" and made_where_absent((*path, key)))
        }
    if isinstance(value, list):
        return [_without_empty_secrets(item, (*path, index)) for index, item in enumerate(value)]
    return value


def _located(mistakes: list[Mistake], document: Document) -> list[Mistake]:
    """Return the mistakes with their lines, in the order of the file."""
    lines = {written(path): line for path, line in document.lines.items() if path}
    located = [
        mistake if mistake.line is not None else replace(mistake, line=_line(mistake.path, lines))
        for mistake in mistakes
    ]
    return sorted(located, key=lambda mistake: (mistake.line or 0, mistake.path))


def _line(path: str, lines: Mapping[str, int]) -> int | None:
    """Return the line of the key, or of the nearest section above it that stands in the file."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path)
