"""``docs/configuration.md`` tells every key of the schema, with its true default."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gateway.config.loader import parse_config
from gateway.config.mistakes import written
from gateway.config.schema import Config, parse_duration
from gateway.config.tts import parse_size
from gateway.config.wording import key_paths, section_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `([a-z0-9_.\[\]A-Z]+)` \| (.+?) \| (.+) \|$", re.MULTILINE)


def documented() -> dict[str, tuple[str, str]]:
    keys = DOCUMENT.read_text(encoding="utf-8").partition("## Environment")[0]
    return {key.replace("[]", "[0]"): (default, meaning) for key, default, meaning in ROW.findall(keys)}


def test_every_key_is_told_and_no_other() -> None:
    assert set(documented()) == {written(path) for path in key_paths(Config)}


def test_every_default_is_the_true_one() -> None:
    for path in key_paths(Config):
        section = section_of(Config, path[:-1])
        assert section is not None
        field = next(field for name, field in section.model_fields.items() if (field.alias or name) == path[-1])
        told, _ = documented()[written(path)]
        assert is_default(told, field), f"{written(path)}: {told} is told, {field.get_default()!r} is true"


def is_default(told: str, field: FieldInfo) -> bool:
    default: Any = field.get_default(call_default_factory=True)
    if isinstance(default, BaseModel | dict):
        return told.startswith("see ")
    if isinstance(default, timedelta) or parse_size in [getattr(item, "func", None) for item in field.metadata]:
        parse = parse_duration if isinstance(default, timedelta) else parse_size
        return parse(told.strip("`")) == default
    if default is None:
        return told in {"absent", "`null`"}
    if default is PydanticUndefined or default == ():
        return told == ("none" if default == () else "needed")
    if isinstance(default, tuple):
        return told == f"`[{', '.join(default)}]`"
    return told == f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_the_example_has_no_mistake() -> None:
    example = re.findall(r"```yaml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)[-1]
    names = ("DB_PASSWORD", "TOCSIN_SECRET_KEY", "SIP_PASSWORD", "TWILIO_AUTH_TOKEN", "TELEGRAM_BOT_TOKEN")
    _, warnings = parse_config(example, dict.fromkeys(names, "0123456789abcdef"))
    assert warnings == []
