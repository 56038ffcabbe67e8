"""Configurations of tests, loaded: the configuration, its mistakes, its warnings."""

import pytest

from gateway.config.loader import parse_config
from gateway.config.mistakes import ConfigError, Mistake
from gateway.config.schema import Config


def mistakes(text: str, environ: dict[str, str] | None = None) -> dict[str, Mistake]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environ or {})
    return {mistake.path: mistake for mistake in caught.value.mistakes}


def config(text: str, environ: dict[str, str] | None = None) -> Config:
    return parse_config(text, environ or {})[0]


def warnings(text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    return {warning.path: warning.problem for warning in parse_config(text, environ or {})[1]}
