"""What commands write for people: cells that are safe, files that are whole."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.app.cli.invocation import CommandFailedError
from gateway.app.cli.output_files import opened
from gateway.services.csv_cells import csv_cell


@given(text=st.text(), numbers=st.booleans())
def test_no_text_becomes_a_formula_and_none_is_lost(text: str, numbers: bool) -> None:
    cell = csv_cell(text, numbers_as_they_are=numbers)
    assert cell in {text, f"'{text}"}
    if not (numbers and re.fullmatch(r"\+[0-9]{1,20}", text)):
        assert not str(cell).lstrip().startswith(("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"))
        assert not str(cell).startswith(("\t", "\r", "\n"))


@given(st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), min_size=1))
def test_a_row_is_read_back_as_it_was_written(texts: list[str]) -> None:
    file = io.StringIO(newline="")
    csv.writer(file).writerow([csv_cell(text) for text in texts])
    (row,) = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert [cell.removeprefix("'") for cell in row] == [text.removeprefix("'") for text in texts]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (7, 7),
        (1.5, 1.5),
        ("+15550100", "'+15550100"),
        (["a", 1], '["a", 1]'),
        (" =1+1", "' =1+1"),
        ("\uff1d1", "'\uff1d1"),
    ],
)
def test_values_become_cells(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [("+15550100", "+15550100"), ("+1-555", "'+1-555"), ("+1+2", "'+1+2"), ("+", "'+"), ("+1\n", "'+1\n")],
)
def test_a_phone_number_alone_may_stay_as_it_is(text: str, cell: str) -> None:
    assert csv_cell(text, numbers_as_they_are=True) == cell


def half_and_then_nothing() -> Iterator[str]:
    yield "half"
    raise ZeroDivisionError


def test_a_file_that_is_not_written_to_its_end_does_not_appear(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("before", encoding="utf-8")
    with pytest.raises(ZeroDivisionError), opened(tmp_path / "out") as file:
        file.writelines(half_and_then_nothing())
    assert (tmp_path / "out").read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="cannot be written"), opened(tmp_path / "absent" / "out"):
        pass
