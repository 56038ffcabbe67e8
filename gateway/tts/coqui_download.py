"""Fetches models with Coqui's own model manager: ``python -m gateway.tts.coqui_download MODELS_DIR NAME…``.

A model is fetched beside its place, loaded once to see that it is one, and then renamed: whoever is killed meanwhile
leaves no half of a model, which Coqui's manager would take for a whole one. Each line on standard output is a
JSON object, ``{"model": NAME, "error": REASON or null}``; progress is shown on standard error.
"""

import functools
import importlib
import json
import logging
import os
import sys
import tempfile
import types
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import requests

from gateway.tts.coqui_models import find_model, is_downloaded, model_directory
from gateway.tts.coqui_worker import make_importable

_PATIENCE = (10, 60)  # seconds to connect, and between two pieces


def download(name: str, models_dir: Path) -> None:
    """Fetch a model and its vocoder, where they are not there yet. Raises ``OSError`` and others."""
    if is_downloaded(name, models_dir):
        return
    manage: Any = importlib.import_module("TTS.utils.manage")
    api = importlib.import_module("TTS.api")
    manage.requests = _careful_requests()
    vocoder = find_model(name).vocoder
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".downloading-") as staging:
        manager = manage.ModelManager(output_prefix=staging, progress_bar=sys.stderr.isatty())
        files = dict(zip(("model_path", "config_path"), manager.download_model(name)[:2], strict=True))
        if vocoder is not None:
            names = ("vocoder_path", "vocoder_config_path")
            files |= dict(zip(names, manager.download_model(vocoder)[:2], strict=True))
        api.TTS(progress_bar=False, **{key: None if path is None else str(path) for key, path in files.items()})
        (models_dir / "tts").mkdir(exist_ok=True)
        # The vocoder comes first: with the model, all of it is there.
        for each in filter(None, (vocoder, name)):
            if not model_directory(each, models_dir).is_dir():
                model_directory(each, Path(staging)).rename(model_directory(each, models_dir))
    in_place = manage.ModelManager(output_prefix=models_dir, progress_bar=False)
    for each in filter(None, (vocoder, name)):
        in_place.download_model(each)  # fetches nothing more, and corrects the paths in the model's configuration


def source_of(name: str) -> str:
    """Return where Coqui's manager would fetch a model from."""
    manage = importlib.import_module("TTS.utils.manage")
    item = manage.ModelManager(progress_bar=False)._set_model_item(name)[0]  # noqa: SLF001  it has no public one
    urls = item.get("github_rls_url")
    if isinstance(urls, list):
        return ", ".join(urls)
    return str(urls or f"huggingface.co/{item.get('repo_id', 'facebook/mms-tts')}")


def _careful_requests() -> types.SimpleNamespace:
    """Return what the manager uses of ``requests``, with time limits, and with an error page taken for an error."""

    def get(url: str, **options: Any) -> requests.Response:
        response = requests.get(url, timeout=_PATIENCE, **options)
        response.raise_for_status()
        return response

    return types.SimpleNamespace(get=get, RequestException=requests.RequestException)


def fetch(name: str, models_dir: Path) -> str | None:
    """Fetch a model; return what went wrong and what to do, ``None`` where it is there."""
    try:
        download(name, models_dir)
    except (OSError, httpx.HTTPError, zipfile.BadZipFile) as error:
        return (
            f"its files could not be fetched from {source_of(name)} ({_cause(error)}). Where this machine cannot reach "
            "the model hub, fetch them on another one, and name them by model_path and config_path"
        )
    except Exception as error:  # noqa: BLE001  the libraries raise whatever they like
        return f"what was fetched is no model that works: {type(error).__name__}: {error}"
    return None


def _cause(error: BaseException) -> str:
    """Return the first of the errors that led to an error: what the network itself said."""
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
    return str(error) or type(error).__name__


def main(arguments: Sequence[str]) -> int:
    """Fetch what is named; ``--check`` in place of it only loads the libraries. Returns the exit status."""
    make_importable()
    if list(arguments) == ["--check"]:
        importlib.import_module("TTS.api")
        return 0
    logging.disable(logging.CRITICAL)  # the libraries log tracebacks of what is told in a sentence here
    models_dir = Path(arguments[0])
    models_dir.mkdir(parents=True, exist_ok=True)
    os.environ |= {"HF_HOME": str(models_dir / "huggingface"), "MPLBACKEND": "Agg"}
    say = functools.partial(print, file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), flush=True)
    # Whatever the libraries print goes to standard error.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    errors = 0
    for name in arguments[1:]:
        error = fetch(name, models_dir)
        errors += error is not None
        say(json.dumps({"model": name, "error": error}))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
