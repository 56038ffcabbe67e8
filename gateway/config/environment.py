"""Environment variables in the configuration.

Substitution happens in text values after YAML was parsed, so a variable's value can never
become a key, a list or a second setting. ``${NAME}`` needs the variable to be set;
``${NAME:-default}`` takes the default where it is unset or empty, as in a POSIX shell;
``$${`` stands for ``${`` itself.
"""

import re
from collections.abc import Mapping
from typing import Final

from gateway.config.mistakes import KeyPath, Mistake, written

_REFERENCE = re.compile(r"\$(?P<escaped>\$)?\{(?:(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\})?")
_WHOLE = re.compile(r"\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)\}")
_MADE_WHERE_ABSENT: Final = (("secret_key",), ("asterisk", "nodes", 0, "secret"))


def made_where_absent(path: KeyPath) -> bool:
    """Return whether the value at that path is a secret that the gateway makes itself where none is given."""
    return tuple(0 if isinstance(part, int) else part for part in path) in _MADE_WHERE_ABSENT


def substitute(
    value: object, environ: Mapping[str, str], *, mistakes: list[Mistake], warnings: list[Mistake], path: KeyPath = ()
) -> object:
    """Return the value with every reference replaced; what cannot be replaced is added to the mistakes."""
    if isinstance(value, dict):
        return {
            key: substitute(item, environ, mistakes=mistakes, warnings=warnings, path=(*path, key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [
            substitute(item, environ, mistakes=mistakes, warnings=warnings, path=(*path, index))
            for index, item in enumerate(value)
        ]
    if not isinstance(value, str) or "${" not in value:
        return value
    whole = _WHOLE.fullmatch(value)
    if whole and not environ.get(whole["name"]) and made_where_absent(path):
        problem = f"the environment variable {whole['name']} is not set: a secret made and kept under var_dir is used"
        warnings.append(
            Mistake(path=written(path), problem=problem, suggestion="set it where machines must share the secret")
        )
        return None
    return _REFERENCE.sub(lambda match: _replacement(match, environ, mistakes, path), value)


def _replacement(match: re.Match[str], environ: Mapping[str, str], mistakes: list[Mistake], path: KeyPath) -> str:
    if match["escaped"]:
        return match[0][1:]
    name, default = match["name"], match["default"]
    if name is None:
        problem, suggestion = (
            "${ without a name and a closing }",
            "write ${NAME} or ${NAME:-default}, or $${ for the text",
        )
    elif default is not None:
        return environ.get(name) or default
    elif name in environ:
        return environ[name]
    else:
        problem = f"the environment variable {name} is not set"
        suggestion = f"set it, or write ${{{name}:-default}}"
    mistakes.append(Mistake(path=written(path), problem=problem, suggestion=suggestion))
    return ""
