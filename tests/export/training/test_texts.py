"""The grammar: six renderings of one meaning, a split that nothing crosses, only letters that the model can write."""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.training import texts
from export.training.alphabet import ALPHABET, LANGUAGES, TOKENS, normalise, read, spell
from export.training.numerals import bulgarian_ordinal, cardinal, english_ordinal, german_ordinal, year

seeds = st.integers(0, 2**32)


drawing = st.sampled_from([texts.draw, texts.jumble])


@given(seeds, drawing)
def test_a_sentence_is_complete_in_every_language_and_written_with_the_alphabet(
    seed: int, drawn: texts.Drawing
) -> None:
    sentence = drawn(random.Random(seed))
    assert tuple(sentence.renderings) == LANGUAGES
    for text in sentence.renderings.values():
        assert text
        assert text == normalise(text)
        assert set(text) <= set(ALPHABET)


@given(seeds, st.booleans(), st.sampled_from(LANGUAGES), drawing)
def test_a_sample_is_from_the_side_of_the_split_that_was_asked_for(
    seed: int, held_out: bool, language: str, drawn: texts.Drawing
) -> None:
    sentence = texts.sample(random.Random(seed), held_out, language, drawn)
    assert sentence.held_out == held_out
    assert len(sentence.renderings[language]) <= texts.LONGEST_CHARACTERS


def test_the_split_depends_on_the_english_sentence_alone() -> None:
    sentence = texts.sample(random.Random(1), True, "en", texts.draw)
    others = dict.fromkeys(LANGUAGES, "something else") | {"en": sentence.renderings["en"]}
    assert texts.Sentence(others, whole=False).held_out
    assert not texts.Sentence(sentence.renderings, whole=True).held_out


def test_jumbles_bring_every_word_of_the_grammar_often() -> None:
    """ "Music" follows "this is an example of" in the held-out sentences alone: it has to be heard somewhere else."""
    rng = random.Random(1)
    drawn = Counter(word for _ in range(6000) for word in texts.jumble(rng).renderings["it"].split())
    for concept in (concept for concepts in texts.words().values() for concept in concepts):
        assert all(drawn[word] >= 3 for word in normalise(concept["it"]).split()), concept


def test_about_a_tenth_of_the_sentences_is_held_out() -> None:
    rng = random.Random(1)
    drawn = [sentence for sentence in (texts.draw(rng) for _ in range(3000)) if not sentence.whole]
    assert 0.07 < sum(sentence.held_out for sentence in drawn) / len(drawn) < 0.13


def test_the_same_seed_draws_the_same_sentences() -> None:
    assert [texts.draw(random.Random(5)) for _ in range(3)] == [texts.draw(random.Random(5)) for _ in range(3)]


def test_every_template_uses_the_same_slots_in_all_languages() -> None:
    for template in texts.templates():
        slots = {frozenset(name for name, _ in texts.SLOT.findall(form)) for form in template.forms.values()}
        assert len(slots) == 1, template.forms["en"]


def test_every_word_list_is_used_and_every_slot_can_be_filled() -> None:
    rng = random.Random(1)
    used = {name for template in texts.templates() for name, _ in texts.SLOT.findall(template.forms["en"])}
    for name in used - {"a", "b", "c"}:
        assert texts.fill(name, rng)("de", "")
    assert set(texts.words()) <= used | {"day", "month", "country"}


@pytest.mark.parametrize(
    ("number", "language", "gender", "spoken"),
    [
        (0, "en", "", "zero"),
        (1234, "en", "", "one thousand two hundred and thirty four"),
        (9001, "en", "", "nine thousand and one"),
        (1, "de", "", "eins"),
        (1721, "de", "", "eintausendsiebenhunderteinundzwanzig"),
        (101, "es", "", "ciento uno"),
        (21, "es", "m", "veintiún"),
        (31, "es", "f", "treinta y una"),
        (80, "fr", "", "quatre vingts"),
        (97, "fr", "", "quatre vingt dix sept"),
        (71, "fr", "", "soixante et onze"),
        (81, "fr", "f", "quatre vingt une"),
        (200, "fr", "", "deux cents"),
        (118, "it", "", "centodiciotto"),
        (3, "it", "", "tre"),
        (123, "it", "", "centoventitré"),
        (188, "it", "", "centottantotto"),
        (2000, "it", "", "duemila"),
        (22, "bg", "f", "двадесет и две"),
        (1100, "bg", "", "хиляда и сто"),
        (2345, "bg", "", "две хиляди триста четиридесет и пет"),
    ],
)
def test_a_number_is_spoken_as_the_language_does(number: int, language: str, gender: str, spoken: str) -> None:
    assert normalise(cardinal(number, language, gender)) == spoken


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_numbers_sound_the_same(language: str) -> None:
    assert len({cardinal(number, language) for number in range(10_000)}) == 10_000


def test_ordinals_and_years_are_spoken_as_dates_say_them() -> None:
    assert english_ordinal(22) == "twenty second"
    assert english_ordinal(20) == "twentieth"
    assert german_ordinal(3) + german_ordinal(21) == "dritteeinundzwanzigste"
    assert bulgarian_ordinal(23, feminine=True) == "двадесет и трета"
    assert normalise(year(1984, "en")) == "nineteen eighty four"
    assert year(2007, "en") == "two thousand and seven"
    assert year(1999, "de") == "neunzehnhundertneunundneunzig"
    assert year(1984, "bg") == "хиляда деветстотин осемдесет и четвърта година"


@given(st.text(ALPHABET))
def test_spelling_and_reading_are_inverse(text: str) -> None:
    assert read(spell(text)) == text


def test_no_token_stands_twice() -> None:
    assert len(set(TOKENS)) == len(TOKENS)
