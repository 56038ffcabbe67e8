"""Fetching the models that the configuration names."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.app.cli.invocation import CommandFailedError
from gateway.app.speech import models_dir
from gateway.config.schema import Config
from gateway.config.tts import CoquiConfig
from gateway.tts.coqui_models import (
    SET_UP,
    ModelRefusedError,
    check_license,
    coqui_version,
    find_model,
    model_directory,
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A model that was asked for; ``error`` is why it is not here, with what to do."""

    model: str
    license: str
    directory: str
    error: str | None = None


def fetch_models(config: Config) -> list[Fetched]:
    """Fetch every model that is named and not here, showing progress on standard error.

    Raises ``CommandFailedError`` where there is nothing to fetch, or nothing to fetch it with.
    """
    section = config.tts.coqui
    names = sorted({voice.model for voice in section.voices.values() if voice.model}) if section is not None else []
    if section is None or not names:
        raise CommandFailedError("tts.coqui names no model to fetch: write voices: {en: {model: tts_models/…}}")
    if coqui_version() is None:
        raise CommandFailedError(f"the extra coqui is not installed: {SET_UP}")
    directory = models_dir(config)
    refusals = {name: reason for name in names if (reason := _refusal(name, section)) is not None}
    errors = dict(_download([name for name in names if name not in refusals], section, directory))
    return [
        Fetched(
            name,
            license="unknown" if name in refusals else find_model(name).license,
            directory=str(model_directory(name, directory)),
            error=refusals.get(name, errors.get(name)),
        )
        for name in names
    ]


def _refusal(name: str, section: CoquiConfig) -> str | None:
    try:
        check_license(name, find_model(name).license, section)
    except ModelRefusedError as error:
        return str(error)
    return None


def _download(names: Sequence[str], section: CoquiConfig, directory: Path) -> Iterator[tuple[str, str | None]]:
    """Yield each model with what went wrong. The libraries are heavy and print what they like: a process of its own."""
    if not names:
        return
    environ = {**os.environ, "COQUI_TOS_AGREED": "1" if section.accept_non_commercial else "0"}
    command = [sys.executable, "-W", "ignore", "-m", "gateway.tts.coqui_download", str(directory), *names]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, check=False, text=True)  # noqa: S603
    told = {line["model"]: line["error"] for line in map(json.loads, done.stdout.splitlines())}
    for name in names:
        yield name, told.get(name, f"the download ended with status {done.returncode}: see above, and try again")
