"""The language head's classes."""

from export.training.heads.clip import LANGUAGES

NONE = len(LANGUAGES)


def class_of(language: str) -> int:
    return LANGUAGES.index(language) if language in LANGUAGES else NONE
