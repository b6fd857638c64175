"""Sentences that a synthesizer can read aloud as they are written."""

import pytest

from export.people.packages import Package
from export.training.tongues.sentences import PACKAGES, sentences
from tests.pages import text_of

(ROOM,) = (part for part in text_of("THIRD_PARTY.md").split("\n## ") if part.startswith("Sentences to be spoken"))


def test_a_text_is_cut_into_sentences_without_what_is_not_said() -> None:
    text = "Wir müssen <b>jetzt</b> gehen! Es wird dunkel^[erster Auftritt]"
    assert list(sentences(text)) == ["Wir müssen jetzt gehen!", "Es wird dunkel"]
    assert list(sentences("Chi va piano va sano.\n\t\t-- Anonimo")) == ["Chi va piano va sano."]


def test_what_would_be_said_otherwise_than_it_is_written_is_left_out() -> None:
    for text in ("Wir sind 300 Mann.", "Ein NPC erscheint hier.", "Siehe a/b und c=d.", "Ja.", "Mannschaften!"):
        assert not list(sentences(text))


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_package_with_sentences_is_named_with_its_version_under_its_licence(package: Package) -> None:
    (row,) = (line for line in ROOM.splitlines() if line.startswith(f"| {package.licence} |"))
    assert f"`{package.name}` {package.version}" in row
