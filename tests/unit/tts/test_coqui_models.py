"""What is known of Coqui's models without Coqui."""

import json
from pathlib import Path

import pytest

from gateway.config.tts import CoquiConfig
from gateway.tts import coqui_models
from gateway.tts.coqui_models import ModelRefusedError, check_voice, find_model, is_non_commercial, license_of

CATALOGUE = {
    "tts_models": {
        "en": {
            "ljspeech": {
                "vits": {"license": "apache 2.0", "default_vocoder": None},
                "glow-tts": {"license": "MPL", "default_vocoder": "vocoder_models/en/ljspeech/melgan"},
                "nameless": {"license": ""},
            }
        },
        "multilingual": {"multi-dataset": {"xtts_v2": {"license": "CPML", "tos_required": True}}},
    }
}


@pytest.fixture(autouse=True)
def _catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coqui_models, "_catalogue", lambda: CATALOGUE)
    monkeypatch.setattr(coqui_models, "coqui_version", lambda: "0.28.0")


def _config(**settings: object) -> CoquiConfig:
    return CoquiConfig.model_validate({"voices": {"en": {"model": "tts_models/en/ljspeech/vits"}}} | settings)


@pytest.mark.parametrize(
    "name",
    ["CPML", "CC BY-NC 4.0", "CC BY-NC-ND 4.0", "cc-by-nc-sa-4.0", "Coqui Public Model License", "noncommercial"],
)
def test_licences_that_forbid_commerce_are_known(name: str) -> None:
    assert is_non_commercial(name)


@pytest.mark.parametrize(
    "name", ["apache 2.0", "MPL", "MIT", "bsd-3-clause", "CC-BY-SA 4.0", "CC-BY-4.0", "openrail", "unknown", "CC0", ""]
)
def test_other_licences_are_none_of_these(name: str) -> None:
    assert not is_non_commercial(name)


def test_a_model_is_found_with_its_licence_and_vocoder() -> None:
    assert find_model("tts_models/en/ljspeech/vits").license == "apache 2.0"
    assert find_model("tts_models/en/ljspeech/glow-tts").vocoder == "vocoder_models/en/ljspeech/melgan"
    assert find_model("tts_models/en/ljspeech/nameless").license == "unknown"
    assert find_model("tts_models/multilingual/multi-dataset/xtts_v2").terms_to_accept
    assert find_model("tts_models/yue/fairseq/vits").license == "CC BY-NC 4.0"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("tts_models/en/x/y", "for en it has tts_models/en/ljspeech/vits, tts_models/en/ljspeech/glow-tts"),
        ("tts_models/tlh/x/y", "it has no model for tlh"),
    ],
)
def test_an_unknown_model_is_refused_with_those_that_there_are(name: str, told: str) -> None:
    with pytest.raises(ModelRefusedError, match=told):
        find_model(name)


def test_models_that_forbid_commerce_are_refused_unless_that_is_accepted(tmp_path: Path) -> None:
    name = "tts_models/multilingual/multi-dataset/xtts_v2"
    (tmp_path / "tts" / name.replace("/", "--")).mkdir(parents=True)
    config = _config(voices={"en": {"model": name}})
    with pytest.raises(ModelRefusedError, match=r"licence CPML.*accept_non_commercial: true"):
        check_voice(config.voices["en"], config, tmp_path)
    accepting = _config(voices={"en": {"model": name}}, accept_non_commercial=True)
    check_voice(accepting.voices["en"], accepting, tmp_path)


def test_files_of_an_xtts_are_known_by_their_configuration_and_others_by_what_is_stated(tmp_path: Path) -> None:
    for architecture, expected in (("xtts", "CPML"), ("vits", "unknown"), (None, "unknown")):
        files = {"model_path": str(tmp_path / "m"), "config_path": str(tmp_path / "c.json")}
        text = "{" if architecture is None else json.dumps({"model": architecture})
        (tmp_path / "c.json").write_text(text, encoding="utf-8")
        assert license_of(_config(voices={"en": files}).voices["en"]) == expected
        assert license_of(_config(voices={"en": files | {"license": "CC0"}}).voices["en"]) == "CC0"


def test_what_is_not_on_the_machine_is_told(tmp_path: Path) -> None:
    config = _config()
    with pytest.raises(ModelRefusedError, match="run tocsin tts download"):
        check_voice(config.voices["en"], config, tmp_path)
    files = {"model_path": str(tmp_path / "m.pth"), "config_path": str(tmp_path / "c.json")}
    own = _config(voices={"en": files})
    with pytest.raises(ModelRefusedError, match=r"m\.pth does not exist"):
        check_voice(own.voices["en"], own, tmp_path)


def test_a_model_whose_vocoder_is_missing_is_not_on_the_machine(tmp_path: Path) -> None:
    name = "tts_models/en/ljspeech/glow-tts"
    (tmp_path / "tts" / name.replace("/", "--")).mkdir(parents=True)
    assert not coqui_models.is_downloaded(name, tmp_path)
    (tmp_path / "tts" / "vocoder_models--en--ljspeech--melgan").mkdir()
    assert coqui_models.is_downloaded(name, tmp_path)
