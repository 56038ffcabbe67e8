import pytest

from gateway.tts.tags import best_match


@pytest.mark.parametrize(
    ("language", "tags", "expected"),
    [
        ("en", ["en"], "en"),
        ("en-GB", ["en"], "en"),
        ("en_gb", ["en", "en-GB"], "en-GB"),
        ("en", ["en-US"], None),
        ("es-MX", ["es"], "es"),
        ("es-MX", ["es", "es-MX"], "es-MX"),
        ("pt-BR", ["pt", "pt-BR"], "pt-BR"),
        ("cmn", ["zh"], "zh"),
        ("zh-HK", ["zh"], None),
        ("zh-Hant-HK", ["zh", "yue"], "yue"),
        ("yue", ["zh-HK"], "zh-HK"),
        ("de", ["en"], None),
        ("en", [], None),
    ],
)
def test_the_most_exact_voice_of_the_same_language_is_chosen(
    language: str, tags: list[str], expected: str | None
) -> None:
    assert best_match(language, tags) == expected
