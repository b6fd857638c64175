"""What may be written, and how it is read off the frames."""

from hypothesis import given
from hypothesis import strategies as st

from export.training.tongues.letters import BLANK, CLASSES, LETTERS, normalise, read, spell, worded


@given(st.text())
def test_what_is_normalised_is_spelt_and_read_as_it_was(text: str) -> None:
    plain = normalise(text)
    classes = [each for number in spell(plain) for each in (number, BLANK)]
    assert read(classes) == plain
    assert normalise(plain) == plain
    assert all(0 < number < CLASSES for number in spell(plain))


def test_all_six_languages_are_written_with_the_letters() -> None:
    for text in (
        "¿Qué pasó, señor?",
        "Ça, c'est l'œuvre",
        "Perché è così?",
        "Ёлка, подъезд",
        "Ѝ, щъркел",
        "Straße übt",
    ):
        assert "  " not in normalise(text)
        assert set(normalise(text)) <= set(LETTERS)
    assert normalise("Ёж — Straße, L’œuf") == "еж straße l'œuf"


def test_repetitions_are_one_letter_unless_a_blank_parts_them() -> None:
    first, second = spell("ab")
    assert read([first, first, BLANK, first, second, second, BLANK]) == "aab"


def test_numbers_are_said_in_words_where_that_is_known() -> None:
    said = worded("premere 1 o 12", "it")
    assert said is not None
    assert normalise(said) == "premere uno o dodici"
    assert worded("нажмите 1", "ru") is None
    assert worded("0.10 euro", "it") is None
