"""What people can write into a template, and what they cannot do with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wording.sandbox import (
    LARGEST_RESULT,
    LARGEST_TEMPLATE,
    TemplateFailedError,
    TemplateRefusedError,
    check,
    render,
)

_VARIABLES = {"title": False, "body": False, "count": False, "tried": True}
_VALUES = {"title": "Door {{ body }} <b>", "body": "", "count": 3, "tried": ["Ana", "Luis"]}


@pytest.mark.parametrize(
    ("source", "made"),
    [
        ("{{ title }}", "Door {{ body }} <b>"),
        ("{{ title|upper|truncate(7) }}", "DOOR..."),
        ("{% if body %}{{ body }}{% else %}nothing{% endif %}", "nothing"),
        ("{% if count > 2 and 'Door' in title %}many{% endif %}", "many"),
        ("{{ 'one' if count == 1 else 'more' }}", "more"),
        ("{% for one in tried %}\n{{ loop.index }} {{ one }}\n{% endfor %}", "1 Ana\n2 Luis"),
        ("{{ tried|join(', ') }} {{ tried|length }}", "Ana, Luis 2"),
        ("{{ body|default('-', true) }}", "-"),
        ("{# a note #}plain", "plain"),
        ("{% raw %}{{ title }}{% endraw %}", "{{ title }}"),
    ],
)
def test_what_a_template_can_say(source: str, made: str) -> None:
    check(source, _VARIABLES)
    assert render(source, _VALUES) == made


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ tilte }}", "line 1: there is no variable tilte; did you mean title?"),
        ("\n{{ title", "line 2: unexpected end of template"),
        ("{{ title.__class__ }}", "a dot is not available"),
        ("{{ ''.__class__.__mro__[1].__subclasses__() }}", "is not available"),
        ("{{ title[0] }}", "is not available"),
        ("{{ title() }}", "a call is not available"),
        ("{{ title * 99999999 }}", "is not available"),
        ("{{ 9 ** 9 ** 9 }}", "is not available"),
        ("{{ '%9999999999d' % 1 }}", "is not available"),
        ("{{ title ~ title }}", "is not available"),
        ("{% set x = 1 %}", "{% set %} is not available"),
        ("{% macro m() %}{% endmacro %}", "is not available"),
        ("{% include '/etc/passwd' %}", "is not available"),
        ("{% extends 'base' %}", "is not available"),
        ("{% import 'os' as os %}", "is not available"),
        ("{% for x in range(9) %}{% endfor %}", "a loop goes over one of the lists (tried)"),
        ("{% for x in title %}{% endfor %}", "a loop goes over one of the lists (tried)"),
        ("{% for x in tried recursive %}{% endfor %}", "a loop goes over one of the lists (tried)"),
        ("{% for x in tried if x %}{% endfor %}", "a loop goes over one of the lists (tried)"),
        ("{% for x in tried %}{% for y in tried %}{% endfor %}{% endfor %}", "a loop in a loop"),
        ("{% for x in tried %}{{ loop.cycle('a') }}{% endfor %}", "is not available"),
        ("{{ loop.index }}", "a dot is not available"),
        ("{{ self }}", "there is no variable self"),
        ("{{ lipsum }}", "there is no variable lipsum"),
        ("{{ tried }}", "tried is a list"),
        ("{{ title|center(999999999) }}", "there is no filter center"),
        ("{{ title|replace('a', 'b') }}", "there is no filter replace"),
        ("{{ title|join('xxxxxxxx')|join('xxxxxxxx') }}", "there is no filter join"),
        ("{{ tried|upper }}", "of a list there are"),
        ("{{ title|truncate(count) }}", "must be a text or a number"),
        ("{% filter upper %}x{% endfilter %}", "is not available"),
        ("x" * (LARGEST_TEMPLATE + 1), f"{LARGEST_TEMPLATE} are enough"),
        ("a\x1b[2Jb", "control characters"),
        ("{{" + "(" * 900 + "title" + ")" * 900 + "}}", "too intricate"),
        ("{% if " + "not " * 450 + "title %}a{% endif %}", "too intricate"),
    ],
)
def test_what_a_template_cannot_do_is_refused_before_it_is_ever_run(source: str, told: str) -> None:
    with pytest.raises(TemplateRefusedError) as refused:
        check(source, _VARIABLES)
    assert told in str(refused.value)
    # The same holds for one that came from somewhere else, as from an older version's record.
    with pytest.raises(TemplateFailedError):
        render(source, _VALUES)


def test_what_comes_out_is_bounded() -> None:
    source = "{% for one in tried %}" + "{{ title }}" * 170 + "{% endfor %}"
    with pytest.raises(TemplateFailedError, match=f"more than {LARGEST_RESULT} characters"):
        render(source, {**_VALUES, "title": "x" * 5000, "tried": ["Ana"] * 20})


def test_a_value_that_is_missing_is_an_error_and_no_gap() -> None:
    with pytest.raises(TemplateFailedError, match="no variable title"):
        render("{{ title }}", {"body": ""})


@given(st.text(max_size=300), st.text(max_size=50))
def test_no_value_is_ever_read_as_a_template(title: str, source: str) -> None:
    assert render("<{{ title }}>", {"title": title}) == f"<{title}>"
    try:
        made = render(source, {**_VALUES, "title": title})
    except TemplateFailedError:
        return
    assert len(made) <= LARGEST_RESULT
