"""The page of figures: people's before synthesizers'."""

from pathlib import Path

from export.evaluation import figures
from export.evaluation.hearing import Heard
from export.evaluation.page import page
from export.evaluation.truth import Truth
from export.people.packages import PACKAGES

RATE = {"share": 97.0, "low": 95.0, "high": 99.0}


def report() -> dict[str, object]:
    said = [Truth(Path(f"{number}.wav"), "read aloud", "one two", "en") for number in range(3)]
    other = Truth(Path("d.wav"), "spoken by a program", "eins", "de")
    foreign = Truth(Path("e.wav"), "read aloud", None, "ro")
    pairs = [(each, Heard(2.0, "one", language="en", language_probability=1)) for each in said]
    pairs += [
        (other, Heard(1.0, "eins", language="de")),
        (foreign, Heard(3.0, language="it", language_probability=0.9)),
    ]
    voices = {"set": "all", "equal_error_rate": RATE, "same_accepted": RATE, "other_refused": RATE}
    end = {"silence_ms": 500, "recordings": 9, "median_ms": 80, "median_range_ms": (70.0, 90.0), "p95_ms": 120}
    return {
        "recogniser": "abc",
        "took_seconds": 1.0,
        "splits": figures.splits(pairs, True),
        "services": {
            "voices": [{**voices, "same_pairs": 5, "other_pairs": 7}],
            "endpoint": [{**end, "faded": 2, "cut_off": 1, "never_told": 0}],
        },
    }


def test_people_come_before_synthesizers_and_every_figure_with_its_range() -> None:
    written = page(report(), ["spoken by a program"])
    assert written.index("| read aloud | 4 | 50.0 (50 to 50)") < written.index("## Synthesizers")
    assert written.index("## Synthesizers") < written.index("| spoken by a program | 1 |")
    assert "| all | 97.0 % (95.0 to 99.0) |" in written
    assert "| 500 ms | 9 | 80 ms (70 to 90) | 120 ms | 2 | 1 | 0 |" in written


def test_a_language_that_is_surely_taken_for_another_is_told() -> None:
    assert "| read aloud | ro | 1 | 0.0 | 100.0 |" in page(report(), [])


def test_languages_with_many_clips_and_with_few_are_told_together_and_weighing_the_same() -> None:
    spoken = [
        Truth(Path(f"{place}.wav"), "said", None, each) for place, each in enumerate(["de", "es", "fr", "it", "it"])
    ]
    heard = [Heard(3.0, language=each.language if each.language != "de" else "en") for each in spoken]
    known = {**report(), "splits": figures.splits(list(zip(spoken, heard, strict=True)), True), "services": None}
    written = page(known, [])
    assert "| said | de, es, fr, it | 5 | 80.0 " in written
    assert "| said | the same, each weighing as much | | 75.0 | 0.0 |" in written


def test_whose_recordings_they_are_stands_below() -> None:
    written = page(report(), [])
    assert all(f"`{each.name}` | {each.version} | {each.licence}" in written for each in PACKAGES.values())
