"""Reading a YAML document so that what is written is what is meant.

YAML 1.1, which PyYAML speaks, turns ``no`` into false, ``010`` into eight, ``10:20`` into 620,
``+15550100`` into a number without its plus sign and ``2026-11-01`` into a date. Here a plain
scalar is null, ``true`` or ``false``, a decimal number, or text. Keys that stand twice and
tags are mistakes. See https://yaml.org/spec/1.2.2/#103-core-schema.
"""

import re
from dataclasses import dataclass, field

import yaml

from gateway.config.mistakes import ConfigError, KeyPath, Mistake, written

_LONGEST_NUMBER = 18


class _Loader(yaml.SafeLoader):
    """PyYAML's parser, with own rules for plain scalars."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own declaration


_TAG = "tag:yaml.org,2002:"
for _tag, _pattern, _first in (
    ("null", r"null|Null|NULL|~|", [*"nN~", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", rf"-?(?:0|[1-9][0-9]{{0,{_LONGEST_NUMBER - 1}}})", list("-0123456789")),
    ("float", r"-?(?:0|[1-9][0-9]*)\.[0-9]+", list("-0123456789")),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


@dataclass(slots=True)
class Document:
    """The values of a YAML text, the line on which each stands, and what was wrong with the text."""

    value: object
    lines: dict[KeyPath, int] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def parse(text: str, *, source: str = "configuration") -> Document:
    """Return the document. Raises ``ConfigError`` where the text is no YAML at all."""
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ConfigError([_syntax_mistake(error)], source=source) from None
    except RecursionError:
        raise ConfigError([Mistake(path="", problem="nested too deeply")], source=source) from None
    document = Document(None)
    if root is not None:
        document.value = _value(root, (), document, frozenset())
    return document


def _value(node: yaml.Node, path: KeyPath, document: Document, above: frozenset[int]) -> object:
    document.lines[path] = node.start_mark.line + 1
    if id(node) in above:
        _mistake(document, node, path, "an alias that contains itself")
        return None
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, path, document, above)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*path, index), document, above) for index, item in enumerate(node.value)]
    return _scalar(node, path, document)


def _mapping(node: yaml.MappingNode, path: KeyPath, document: Document, above: frozenset[int]) -> dict[str, object]:
    values: dict[str, object] = {}
    first_lines: dict[str, int] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            _mistake(document, key_node, path, "a key that is a list or a mapping", "quote a value that begins with ${")
            continue
        key = str(key_node.value)
        if key in values:
            problem = f"this key stands twice, first on line {first_lines[key]}"
            _mistake(document, key_node, (*path, key), problem, "keep one of them")
            continue
        first_lines[key] = key_node.start_mark.line + 1
        values[key] = _value(value_node, (*path, key), document, above)
    return values


def _scalar(node: yaml.Node, path: KeyPath, document: Document) -> object:
    text = str(node.value)
    match node.tag.removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool" if text.lower() in {"true", "false"}:
            return text.lower() == "true"
        case "int" if text.removeprefix("-").isdecimal() and len(text) <= _LONGEST_NUMBER + 1:
            return int(text)
        case "float" if re.fullmatch(r"-?\d+\.\d+", text):
            return float(text)
    _mistake(document, node, path, "a YAML tag (a word beginning with !) has no meaning here", "quote the value")
    return None


def _mistake(document: Document, node: yaml.Node, path: KeyPath, problem: str, suggestion: str | None = None) -> None:
    document.mistakes.append(
        Mistake(path=written(path), problem=problem, suggestion=suggestion, line=node.start_mark.line + 1)
    )


def _syntax_mistake(error: yaml.YAMLError) -> Mistake:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        # PyYAML quotes names of aliases and tags, which may be a secret that was not put in quotes.
        problem = re.sub(r"'[^'<].+'", "a word", error.problem or "cannot be read")
        return Mistake(
            path="",
            problem=f"not YAML: line {mark.line + 1}, column {mark.column + 1}: {problem}",
            suggestion="check indentation and brackets there; quote values that begin with one of * & ! % @ ` { [",
            line=mark.line + 1,
        )
    return Mistake(path="", problem="not YAML: the file holds characters that YAML does not allow")
