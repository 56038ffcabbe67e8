"""Templates that people write, rendered where nothing they do can cost more than a moment.

The language is a small part of Jinja's: variables, a few filters, ``if``, and ``for`` over a list that is given. What
could run long, grow without bound or reach anything else (calls, attributes, arithmetic, ``set``, macros, loops in
loops, imports) is no part of it: a template is refused by its syntax tree, before it is ever run. So its work is
bounded by its length times that of the lists, and needs no clock. Jinja's sandbox, and a limit on what comes out,
are second and third walls.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

LARGEST_TEMPLATE = 2000
LARGEST_RESULT = 20_000
LONGEST_LIST = 20

FILTERS = frozenset({"upper", "lower", "capitalize", "title", "trim", "truncate", "default", "first", "last", "length"})
_OF_LISTS = frozenset({"first", "last", "length", "join"})
_LOOP = frozenset({"index", "first", "last", "length"})
_PLAIN = (
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.If,
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)

Value = str | int | Sequence[str]


class TemplateRefusedError(Exception):
    """A template is not one, or would fail when it is used. The message says where, and what to write."""


class TemplateFailedError(Exception):
    """A template that was accepted once cannot be used now."""


def check(source: str, variables: Mapping[str, bool]) -> None:
    """Raise ``TemplateRefusedError`` unless a template is part of the language and knows its variables.

    ``variables`` tells of each whether it is a list.
    """
    if len(source) > LARGEST_TEMPLATE:
        raise TemplateRefusedError(f"it has {len(source)} characters: {LARGEST_TEMPLATE} are enough")
    if any(not character.isprintable() and character not in "\n\t" for character in source.replace("\r\n", "\n")):
        raise TemplateRefusedError("it has control characters: write plain text")
    try:
        tree = _ENVIRONMENT.parse(source)
        _Checker(variables).check(tree.body)
        _compiled(source)
    except TemplateSyntaxError as error:
        raise TemplateRefusedError(f"line {error.lineno}: {error.message}") from error
    except (TemplateError, RecursionError, SyntaxError, MemoryError) as error:
        raise TemplateRefusedError(f"it is too intricate: {error}") from error


class Filled(str):
    """A part of a result that is a value, and no text of the template."""

    __slots__ = ()

    def __str__(self) -> "Filled":
        """Return the part itself: Jinja makes a text of everything that it puts out."""
        return self


def render(source: str, values: Mapping[str, Value]) -> str:
    """Return what a template makes of the values, without spaces around it. Raises ``TemplateFailedError``."""
    return "".join(render_parts(source, values)).strip()


def render_parts(source: str, values: Mapping[str, Value]) -> Sequence[str]:
    """Return the same in parts, those that are values as ``Filled``. Raises ``TemplateFailedError``."""
    try:
        check(source, {name: not isinstance(value, str | int) for name, value in values.items()})
        return list(_bounded(_compiled(source).generate(values)))
    except TemplateFailedError:
        raise
    except Exception as error:
        # Whatever it is: a message in other words is better than none.
        raise TemplateFailedError(str(error) or type(error).__name__) from error


def _bounded(parts: Iterator[str]) -> Iterator[str]:
    room = LARGEST_RESULT
    for part in parts:
        room -= len(part)
        if room < 0:
            raise TemplateFailedError(f"it makes more than {LARGEST_RESULT} characters")
        yield part


class _Checker:
    def __init__(self, variables: Mapping[str, bool]) -> None:
        self._variables = variables
        self._items: set[str] = set()

    def check(self, tree: Sequence[nodes.Node]) -> None:
        for node in tree:
            self._check(node)

    def _check(self, node: nodes.Node) -> None:
        match node:
            case nodes.For():
                self._check_for(node)
            case nodes.Name():
                self._check_name(node)
                if self._variables.get(node.name):
                    raise _refused(node, f"{node.name} is a list: write {{% for one in {node.name} %}}")
            case nodes.Filter():
                self._check_filter(node)
            case nodes.Getattr(node=nodes.Name(name="loop"), attr=attribute) if self._items and attribute in _LOOP:
                pass
            case _ if isinstance(node, _PLAIN):
                self.check(list(node.iter_child_nodes()))
            case _:
                raise _refused(node, f"{_shown(node)} is not available: {_AVAILABLE}")

    def _check_name(self, node: nodes.Name) -> None:
        if node.name in self._variables or node.name in self._items:
            return
        near = difflib.get_close_matches(node.name, self._variables, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(sorted(self._variables))
        raise _refused(node, f"there is no variable {node.name}{meant} (there are {known})")

    def _check_for(self, node: nodes.For) -> None:
        if self._items:
            raise _refused(node, "a loop in a loop is not available")
        of_list = isinstance(node.iter, nodes.Name) and self._variables.get(node.iter.name)
        if not of_list or not isinstance(node.target, nodes.Name) or node.test is not None or node.recursive:
            lists = ", ".join(sorted(name for name, is_list in self._variables.items() if is_list)) or "none here"
            raise _refused(node, f"a loop goes over one of the lists ({lists}), as in {{% for one in LIST %}}")
        self._items = {node.target.name}
        self.check(node.body)
        self._items = set()
        self.check(node.else_)

    def _check_filter(self, node: nodes.Filter) -> None:
        arguments = [*node.args, *(pair.value for pair in node.kwargs)]
        if any(not isinstance(argument, nodes.Const) for argument in arguments) or node.dyn_args or node.dyn_kwargs:
            raise _refused(node, f"what {node.name} is given in brackets must be a text or a number")
        if isinstance(node.node, nodes.Name) and self._variables.get(node.node.name):
            if node.name not in _OF_LISTS:
                raise _refused(node, f"of a list there are {', '.join(sorted(_OF_LISTS))}, and no {node.name}")
            return
        if node.name not in FILTERS or node.node is None:
            raise _refused(node, f"there is no filter {node.name} (there are {', '.join(sorted(FILTERS))})")
        self._check(node.node)


_AVAILABLE = "a template has variables, filters, if and for"


def _refused(node: nodes.Node, problem: str) -> TemplateRefusedError:
    return TemplateRefusedError(f"line {node.lineno}: {problem}")


def _shown(node: nodes.Node) -> str:
    return {"Assign": "{% set %}", "AssignBlock": "{% set %}", "Call": "a call", "Getattr": "a dot"}.get(
        type(node).__name__, type(node).__name__.lower()
    )


def _environment() -> ImmutableSandboxedEnvironment:
    # What is written is plain text: nothing is escaped for HTML.
    environment = ImmutableSandboxedEnvironment(
        autoescape=False,
        undefined=StrictUndefined,
        finalize=lambda value: Filled(str(value)),
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=0,
    )
    environment.globals.clear()
    environment.tests.clear()
    kept = FILTERS | _OF_LISTS
    environment.filters = {name: one for name, one in environment.filters.items() if name in kept}
    return environment


_ENVIRONMENT = _environment()


@lru_cache(maxsize=256)
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)
