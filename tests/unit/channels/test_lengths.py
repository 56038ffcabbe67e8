import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.lengths import shortened, width

LINK = "https://alerts.example.com/a/abcdefghijklmnop"


def test_text_that_fits_is_left_alone() -> None:
    assert shortened("short", 5) == "short"


def test_longer_text_ends_in_an_ellipsis() -> None:
    assert shortened("a" * 20, 10) == "a" * 9 + "…"


def test_characters_beyond_the_basic_plane_count_twice() -> None:
    assert shortened("🚗" * 10, 10) == "🚗" * 4 + "…"


@pytest.mark.parametrize("character", ["e\u0301", "👍🏽", "👩\u200d🚒", "❤\ufe0f"])
def test_a_character_of_several_code_points_is_kept_or_dropped_whole(character: str) -> None:
    for room in range(2, 12):
        cut = shortened("ab" + character + "c" * 20, room)
        kept = cut.removesuffix("…").removeprefix("ab").rstrip("c")
        assert kept in {"", character, "a"}


def test_the_line_with_the_link_survives() -> None:
    cut = shortened("x" * 3000 + f"\nAcknowledge: {LINK}\nTocsin", 1600)
    assert cut.endswith(f"…\nAcknowledge: {LINK}\nTocsin")
    assert width(cut) <= 1600


def test_a_link_within_a_long_line_survives_alone() -> None:
    assert shortened("x" * 3000 + f" {LINK} " + "y" * 3000, 1600).endswith(f"…\n{LINK}")


@given(st.text(max_size=200), st.integers(min_value=1, max_value=80))
def test_nothing_is_ever_too_long(text: str, limit: int) -> None:
    assert width(shortened(text, limit)) <= limit
