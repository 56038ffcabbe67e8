"""Makes a voice for Coqui on the spot: ``python -W ignore -m tests.tiny_vits DIRECTORY [SPEAKER…]``.

It is a VITS of random weights, small and without a phonemizer: what it says is noise, and all of Coqui's code for
loading and speaking runs.
"""

import json
import sys
from pathlib import Path

from gateway.tts.coqui_worker import make_importable


def make(directory: Path, speakers: list[str]) -> None:
    make_importable()
    import torch  # noqa: PLC0415  only where the extra is installed
    from TTS.tts.configs.vits_config import VitsConfig  # noqa: PLC0415
    from TTS.tts.models.vits import Vits, VitsArgs  # noqa: PLC0415

    directory.mkdir(parents=True)
    extras: dict[str, object] = {}
    if speakers:
        file = directory / "speaker_ids.json"
        file.write_text(json.dumps({name: number for number, name in enumerate(speakers)}), encoding="utf-8")
        extras = {"use_speaker_embedding": True, "speakers_file": str(file)}
    arguments = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=16,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        upsample_initial_channel_decoder=32,
        resblock_type_decoder="2",
        use_sdp=False,
        init_discriminator=False,
        **extras,
    )
    config = VitsConfig(model_args=arguments, use_phonemes=False, text_cleaner="basic_cleaners", **extras)
    torch.manual_seed(1)
    model = Vits.init_from_config(config)
    config.save_json(str(directory / "config.json"))
    torch.save({"model": model.state_dict()}, directory / "model.pth")


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2:])
