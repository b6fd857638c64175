"""What can be said: the languages, the letters they are written with, and the model's vocabulary."""

import re

LANGUAGES = ("en", "de", "es", "fr", "it", "bg")
ALPHABET = " 'abcdefghijklmnopqrstuvwxyzßàáâäçèéêëìíîïñòóôöùúûüœабвгдежзийклмнопрстуфхцчшщъьюя"

# Whisper's order: the end, the start, the languages, then the tasks. A token's id is its place.
TOKENS = (
    *ALPHABET,
    "<|endoftext|>",
    "<|startoftranscript|>",
    *(f"<|{language}|>" for language in LANGUAGES),
    "<|translate|>",
    "<|transcribe|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
TOKEN_IDS = {token: number for number, token in enumerate(TOKENS)}
END = TOKEN_IDS["<|endoftext|>"]
START = TOKEN_IDS["<|startoftranscript|>"]
TRANSLATE = TOKEN_IDS["<|translate|>"]
TRANSCRIBE = TOKEN_IDS["<|transcribe|>"]
NO_SPEECH = TOKEN_IDS["<|nospeech|>"]
NO_TIMESTAMPS = TOKEN_IDS["<|notimestamps|>"]
LANGUAGE_IDS = {language: TOKEN_IDS[f"<|{language}|>"] for language in LANGUAGES}
_BETWEEN_WORDS = re.compile(f"[^{ALPHABET.strip()}]+")


def normalise(text: str) -> str:
    """Lower case, the letters of the six languages, apostrophes and single spaces: what is scored and trained."""
    plain = text.lower().replace("’", "'").replace("-", " ").replace("ѝ", "и")
    return _BETWEEN_WORDS.sub(" ", plain).strip()


def spell(text: str) -> list[int]:
    """The token ids of a normalised text."""
    return [TOKEN_IDS[letter] for letter in text]


def read(tokens: list[int]) -> str:
    """The text of token ids; special tokens say nothing."""
    return "".join(ALPHABET[token] for token in tokens if token < len(ALPHABET))
