"""Sounds, laid out for a node."""

import os
import time
from pathlib import Path

import pytest

from gateway.channels.asterisk.ami_values import UnsafeValueError
from gateway.channels.asterisk.sounds import SoundShelf
from gateway.ports.phone import Prompt


def wav(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_same_content_is_one_file_and_other_content_another(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path / "sounds")
    first = shelf.put(wav(tmp_path / "a.wav", b"one"))
    assert shelf.put(wav(tmp_path / "b.wav", b"one")) == first
    assert shelf.put(wav(tmp_path / "a.wav", b"two")) != first
    assert Path(f"{first}.wav").read_bytes() == b"one"
    assert len(list((tmp_path / "sounds").iterdir())) == 2


def test_private_original_is_readable_for_asterisk(tmp_path: Path) -> None:
    sound = wav(tmp_path / "a.wav", b"one")
    sound.chmod(0o600)
    laid_out = Path(SoundShelf(tmp_path / "sounds").put(sound) + ".wav")
    assert laid_out.stat().st_mode & 0o777 == 0o644


def test_prompts_stand_under_their_names_and_a_new_version_in_a_new_directory(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path / "sounds")
    prompts = {prompt: wav(tmp_path / f"{prompt}-x.wav", prompt.value.encode()) for prompt in Prompt}
    directory = Path(shelf.put_prompts(prompts))
    assert {file.name for file in directory.iterdir()} == {f"{prompt.value}.wav" for prompt in Prompt}
    assert (directory / "menu.wav").read_bytes() == b"menu"
    assert shelf.put_prompts(prompts) == str(directory)
    wav(tmp_path / "menu-x.wav", b"a new menu")
    newer = Path(shelf.put_prompts(prompts))
    assert newer != directory
    assert (directory / "menu.wav").read_bytes() == b"menu"
    assert (newer / "menu.wav").read_bytes() == b"a new menu"


def test_prompt_that_was_deleted_is_laid_out_again(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path / "sounds")
    prompts = {prompt: wav(tmp_path / f"{prompt}.wav", b"x") for prompt in Prompt}
    directory = Path(shelf.put_prompts(prompts))
    (directory / "noted.wav").unlink()
    shelf.put_prompts(prompts)
    assert (directory / "noted.wav").exists()


def test_old_announcements_are_swept_and_used_ones_stay(tmp_path: Path) -> None:
    shelf = SoundShelf(tmp_path / "sounds")
    old = Path(shelf.put(wav(tmp_path / "old.wav", b"old")) + ".wav")
    used = Path(shelf.put(wav(tmp_path / "used.wav", b"used")) + ".wav")
    month_ago = time.time() - 30 * 24 * 3600
    os.utime(old, (month_ago, month_ago))
    os.utime(used, (month_ago, month_ago))
    shelf._swept_at -= 2 * 3600
    shelf.put(tmp_path / "used.wav")
    assert used.exists()
    assert not old.exists()


@pytest.mark.parametrize("name", ["a b", "a,b", "a&b", "a\nb", "a|b", "ä", "a${x}"])
def test_directory_that_the_dialplan_would_misread_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsafeValueError):
        SoundShelf(tmp_path / name)
