"""Text for the ear: what alerts of cameras, parking systems, panels and monitoring say, in every language."""

# ruff: noqa: RUF001
# The signs of Chinese sentences and letters of other scripts are meant.

import pytest

from gateway.model.languages import LANGUAGES
from gateway.model.speech_text import sentence, spoken

_TAGS = [language.tag for language in LANGUAGES]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Plate AB-1234-XY seen", "Plate A, B for Bravo, 1 2 3 4, X, Y, seen"),
        ("Blacklisted plate 1234 BCD", "Blacklisted plate 1 2 3 4, B for Bravo, C for Charlie, D for Delta"),
        ("AB 1234 XY at gate 2", "A, B for Bravo, 1 2 3 4, X, Y, at gate 2"),
        ("AB12 CDE left", "A, B for Bravo, 1 2, C for Charlie, D for Delta, E for Echo, left"),
        ("plate=HK 4821", "plate: H, K, 4 8 2 1"),
        ("7KLM123", "7, K, L, M for Mike, 1 2 3"),
        ("Plate А123ВС77", "Plate A, 1 2 3, B for Bravo, C for Charlie, 7 7"),
        ("Error E42 at A12", "Error E, 4 2, at A, 1 2"),
        ("ANPR lost", "A-N-P-R lost"),
        ("CPU of the NVR", "C-P-U of the N-V-R"),
        ("NO POWER, DO IT", "NO POWER, DO IT"),
        ("ticket 4815162342", "ticket 4 8 1 5, 1 6 2, 3 4 2"),
        ("room 0042", "room 0 0 4 2"),
        ("Call +1 555 010 0199", "Call plus 1, 5 5 5, 0 1 0, 0 1 9 9"),
        ("Call +34 (91) 123-45-67!", "Call plus 3 4, 9 1, 1 2 3, 4 5, 6 7!"),
        ("GATE3 open", "gate 3 open"),
        ("node-3 and gate3 and iPhone15", "node 3 and gate 3 and iPhone 15"),
        ("550e8400-e29b-41d4-a716-446655440000", "a code ending in 0 0 0 0"),
        ("kube-state-metrics-7 restarted", "kube state metrics 7 restarted"),
        ("HighCpuLoad, disk_free_percent", "High C-P-U Load, disk free percent"),
        ("MAC 00:1A:2B:3C:4D:5E up", "MAC 0 0, 1, A, 2, B, 3, C, 4, D, 5, E, up"),
        ("fe80::1ff:fe23:4567:890a", "a code ending in 8 9 0, A"),
        ("10.0.0.12:9100 down", "1 0 dot 0 dot 0 dot 1 2, port 9100, down"),
        ("192.168.1.0/24", "1 9 2 dot 1 6 8 dot 1 dot 0 slash 24"),
    ],
)
def test_plates_and_codes_are_spelled(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("<b>Fire</b> in <i>zone&nbsp;2</i>", "Fire in zone 2"),
        ("<script>alert(1)</script>Door", "Door"),
        ("&lt;b&gt;Fire&lt;/b&gt;", "Fire"),
        ("<GATE> open", "GATE open"),
        ("<td>Zone 1</td><td>2 doors</td>", "Zone 1. 2 doors."),
        ("**bold** _it_ `code` # head", "bold it code head"),
        ("[camera 2](http://x.example/z) lost", "camera 2 lost"),
        ('{"plate": "AB1234", "zone": null}', "plate: A, B for Bravo, 1 2 3 4, zone: null"),
        ("Fire \U0001f525\U0001f469\U0001f3fd\u200d\U0001f692 now\x07", "Fire now"),
        ("Forced!!! Now", "Forced! Now"),
        ("one\ntwo\n- three", "one. two. three"),
        ("3. floor", "3. floor"),
        ("Intrusion - North Fence (PIR 3)", "Intrusion, North Fence, PIR 3"),
        ("\u202eabc\u202c a\u200bb", "abc ab"),
        ("/var/log/nginx/error.log", "var log nginx error dot log"),
        ("C:\\Windows\\System32", "C: Windows System 32"),
    ],
)
def test_what_only_the_eye_can_use_is_dropped(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("85°C, 95 % full", "85 degrees Celsius, 95 percent full"),
        ("-5.5°C", "minus 5 point 5 degrees Celsius"),
        ("\u22125 and +5 and ±3", "minus 5 and plus 5 and plus or minus 3"),
        ("1 s, 1 h, 2 h", "one second, one hour, 2 hours"),
        ("1h30m, 2d4h", "one hour 30 minutes, 2 days 4 hours"),
        ("over 1.5 for 5m", "over 1 point 5 for 5 minutes"),
        ("avg(5m) of 5m", "avg, 5 minutes, of 5 M"),
        ("a fence of 5 m", "a fence of 5 metres"),
        ("5-10 min, Gate 2-3", "5 to 10 minutes, Gate 2 dash 3"),
        ("1,250 of 1,234,567.89", "1250 of 1234567 point 8 9"),
        ("1.234,56", "1234 comma 5 6"),
        ("1,2,3", "1, 2, 3"),
        ("v2.3.1", "V 2 dot 3 dot 1"),
        ("3.14159265 left", "3 point 1 4 1 5 9 2 6 5 left"),
        ("10² of 1½", "10 2 of 1 1 slash 2"),
        ("€12.50, $1,200 or 1 EUR", "12 point 5 0 euros, 1200 dollars or one euro"),
        ("CPU > 90%", "C-P-U more than 90 percent"),
        ("free < -2 or >= 3 or != 4", "free less than minus 2 or at least 3 or not equal to 4"),
        ("OK -> PROBLEM", "OK to PROBLEM"),
        ("190/200 and/or", "190 out of 200 and or"),
        ("at 14:05", "at 14 oh 5"),
        ("at 14:00, 8:00", "at 14 hundred hours, 8 o'clock"),
        ("2:05 PM, 14:05:33", "2 oh 5 P-M, 14 oh 5 and 33 seconds"),
        ("2026-11-22T03:14:07.123Z", "22 November 2026, 3 14 and 7 seconds U-T-C"),
        ("2026-11-22T03:14+01:00", "22 November 2026, 3 14 U-T-C plus 1"),
        ("11/22/2026, 05/06/2026", "22 November 2026, 05 slash 06 slash 2026"),
        ("2026-13-45", "2026 13 45"),
        ("See https://alerts.example.com/a?b=1.", "See link to alerts dot example dot com."),
        ("#5 & 6", "number 5 and 6"),
        ("٣٥ ３５", "35 35"),
    ],
)
def test_signs_become_words(text: str, heard: str) -> None:
    assert spoken(text, "en") == heard


@pytest.mark.parametrize(
    ("language", "text", "heard"),
    [
        ("es", "Matrícula 1234 BVY", "Matrícula 1 2 3 4, B de Barcelona, uve de Valencia, i griega"),
        ("es", "-5 °C a las 14:05", "menos 5 grados a las 14 horas cero 5"),
        ("es", "1:00, 95%, 3,5 €", "1 hora, 95 por ciento, 3 coma 5 euros"),
        ("es", "2026-11-22, 1 h, 2º", "22 de noviembre de 2026, una hora, 2º"),
        ("pt-BR", "Placa ABC1D23", "Placa á, B de bola, C de casa, 1, D de dado, 2 3"),
        ("pt", "3.5 kg & 190/200", "3 ponto 5 quilos e 190 de 200"),
        ("pt", "14:05, 1 min", "14 horas e 5, um minuto"),
        ("fr", "Plaque AA-123-BB", "Plaque A, A, 1 2 3, B comme Bernard, B comme Bernard"),
        ("fr", "-5,5 °C, 2026-11-01", "moins 5 virgule 5 degrés, 1er novembre 2026"),
        ("fr", "10\u202f000 ou 5 Go", "10000 ou 5 gigaoctets"),
        ("fr", "https://[", "lien"),
        ("de", "Kennzeichen B-MW 1234", "Kennzeichen B wie Berta, M wie Martha, W wie Wilhelm, 1 2 3 4"),
        ("de", "14:35 Uhr, 1 h, 01.02.2026", "14 Uhr 35, eine Stunde, erster Februar 2026"),
        ("de", "a@b.example -> 1.250 €", "a ät b Punkt example wird 1250 Euro"),
        ("zh", "粤B12345进入", "粤，B，1 2 3 4 5，进入"),
        ("zh", "车牌：京A·12345", "车牌：京，A，1 2 3 4 5"),
        ("zh", "95%，-5°C，3.5V", "百分之95，负5摄氏度，3点5伏"),
        ("zh", "2026-11-22 14:05", "2 0 2 6年11月22日，14点零5分"),
        ("zh", "于14:05温度-5°C，端口10.0.0.1", "于14点零5分温度负5摄氏度，端口1 0 点 0 点 0 点 1"),
        ("zh", "CPU大于90%", "C-P-U大于百分之90"),
        ("yue", "車牌AB 1234喺P2", "車牌A，B，1 2 3 4，喺P，2"),
        ("yue", "-5°C，14:00", "負5攝氏度，14點正"),
        ("en", "粤B12345 门禁", "Yue, B for Bravo, 1 2 3 4 5, words in another script"),
        ("en", "Дверь 3, θύρα", "Dver 3, thyra"),
    ],
)
def test_each_language_says_it_in_its_way(language: str, text: str, heard: str) -> None:
    assert spoken(text, language) == heard


def test_a_long_text_ends_at_a_word_with_and_more() -> None:
    heard = spoken("barrier open " * 400, "en", limit=100)
    assert len(heard) <= 100
    assert heard.endswith(("open, and more", "barrier, and more"))


def test_a_plate_is_never_cut_in_two() -> None:
    for limit in range(40, 120):
        heard = spoken("At the north gate a car with the plate AB 1234 XY was seen by camera 7", "en", limit=limit)
        assert len(heard) <= limit
        assert ("A, B for Bravo, 1 2 3 4, X, Y" in heard) or "Bravo" not in heard


def test_a_long_text_without_spaces_is_cut_too() -> None:
    assert len(spoken("警" * 5000, "zh")) == 600


def test_a_text_that_is_all_markup_is_said_by_its_words() -> None:
    assert spoken("<b>", "en") == "b"


def test_a_text_in_a_script_that_no_voice_of_the_language_reads_is_not_silent() -> None:
    for language in LANGUAGES:
        assert spoken("ประตู", language.tag) == language.ear.other_script


def test_a_huge_character_reference_is_no_trouble() -> None:
    assert spoken("&#" + "9" * 9000 + ";", "en")


@pytest.mark.parametrize("text", ["", " ", "🔥🔥", "\0", "<>", "***", "---", "| |"])
def test_nothing_to_say_is_empty(text: str) -> None:
    assert spoken(text, "en") == ""


@pytest.mark.parametrize(
    ("text", "closed"),
    [("Open", "Open."), ("Open!", "Open!"), ("Open, ", "Open."), ("", "")],
)
def test_a_sentence_is_closed_once(text: str, closed: str) -> None:
    assert sentence(text, "en") == closed
