"""A vocabulary of letters: markers are special, sounds of several letters are not."""

from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from export.sources.tokenizers import letter_tokenizer, special_tokens

TOKENS = ("<pad>", "<s>", "[UNK]", "<|en|>", " ", "a", "ch", "ɔː")


def test_only_markers_are_special() -> None:
    assert special_tokens(letter_tokenizer(TOKENS)) == {"<pad>": 0, "<s>": 1, "[UNK]": 2, "<|en|>": 3}


def test_a_sound_of_several_letters_is_spelled() -> None:
    assert Vocabulary(letter_tokenizer(TOKENS)).text([5, 6, 4, 7]) == "ach ɔː"
