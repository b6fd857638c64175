"""Synthesized speech in the languages to be told and in those that are none of them."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from export.calibration.voices import SENTENCES_FOLDER
from export.people.collection import recordings
from export.people.fetching import unpacked
from export.training import alphabet, texts, voices
from export.training.engines import RATE, Samples, Speaker, Utterance, engine
from export.training.heads.clip import LANGUAGES, Clip
from export.training.synthesis import trimmed

# Clips by synthesizer. Nobody speaks German among the people to train on, so the synthesizers do.
_COUNTS = {
    "espeak": {"en": 240, "de": 420, "es": 240, "fr": 240, "it": 240, "ru": 240},
    "pico": {"en": 130, "de": 200, "es": 150, "fr": 150, "it": 150},
    "flite": {"en": 60},
    "festival": {"it": 120},
}
_OTHER_LANGUAGES = (
    "bg pt pt-br nl sv ca pl uk cs ja ko cmn ar fa hi vi fi da el ro tr hu nb be lt sr hr sl sk id he ka lv"
)
_OTHERS_COUNT = 25
_DIALECTS = {
    "en": ("en-us", "en", "en-gb-scotland", "en-gb-x-rp"),
    "es": ("es", "es-419"),
    "fr": ("fr", "fr-be", "fr-ch"),
}
_PICO = {"en": ("en-US", "en-GB"), "de": ("de-DE",), "es": ("es-ES",), "fr": ("fr-FR",), "it": ("it-IT",)}
_STAMPS = "usr/share/tuxpaint/stamps"
_CODES = {"cmn": "zh_CN", "pt-br": "pt_BR", "sr": "sr"}  # the stamps' names of languages
_DENSE = ("cmn", "ja", "ko")  # languages of few signs a second


def clips() -> Iterator[Clip]:
    for name, counts in _COUNTS.items():
        for language, count in counts.items():
            yield from (Clip("train", name, language, f"{name} {language}", number) for number in range(count))
    for language in _OTHER_LANGUAGES.split():
        speaker = f"espeak {language}"
        yield from (Clip("train", "espeak", language, speaker, number) for number in range(_OTHERS_COUNT))


def sound(clip: Clip) -> Samples | None:
    """Two to four and a half seconds."""
    rng = clip.rng()
    length, said = (rng.randint(14, 30) if clip.language in _DENSE else rng.randint(40, 90)), ""
    while len(said) < length:
        said = f"{said} {_sentence(clip, rng.random(), rng.random())}"
    utterance = Utterance(said.strip(), _voice(clip), rng.uniform(0.8, 1.25), rng.uniform(0.5, 1.5), rng.random())
    (spoken,) = _engine(clip.kind)([utterance])
    whole = None if spoken is None else trimmed(spoken)
    return None if whole is None or len(whole) < RATE else whole[: round(rng.uniform(2.2, 4.4) * RATE)]


@cache
def _engine(name: str) -> Speaker:
    return engine(name)


def _voice(clip: Clip) -> str:
    rng = clip.rng()
    if clip.kind == "espeak":
        language = rng.choice(_DIALECTS.get(clip.language, (clip.language,)))
        return f"{language}+{rng.choice(voices.ESPEAK_VARIANTS.split())}"
    if clip.kind == "pico":
        return rng.choice(_PICO[clip.language])
    return rng.choice(("slt", "awb", "kal16", "rms") if clip.kind == "flite" else ("lp_diphone", "pc_diphone"))


def _sentence(clip: Clip, source: float, place: float) -> str:
    """Half from the recogniser's grammar where it knows the language, else what people's recordings say."""
    if clip.language in alphabet.LANGUAGES and source < 0.5:
        rng = clip.rng()
        rng.seed(f"{clip} {place}")
        return texts.sample(rng, False, clip.language, texts.draw).renderings[clip.language] + "."
    sentences = _sentences()[clip.language]
    return sentences[int(place * len(sentences))].rstrip(".") + "."


@cache
def _sentences() -> dict[str, list[str]]:
    """The names of the stamps in all languages, the prompts of those who train, everyday sentences."""
    found: dict[str, list[str]] = {language: [] for language in (*LANGUAGES, *_OTHER_LANGUAGES.split())}
    codes = {_CODES.get(language, language): language for language in found}
    for path in sorted((unpacked("tuxpaint-stamps-default") / _STAMPS).rglob("*.txt")):
        for language, said in _translations(path):
            if language in codes and len(said) > 2:
                found[codes[language]].append(said)
    for recording in recordings():
        if recording.text and recording.split == "train" and recording.language in LANGUAGES and not recording.isolated:
            found[recording.language].append(recording.text)
    for path in SENTENCES_FOLDER.glob("*.txt"):
        found[path.stem] += 8 * path.read_text(encoding="utf-8").splitlines()
    return found


def _translations(path: Path) -> Iterator[tuple[str, str]]:
    first, *others = path.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    yield "en", first.strip()
    for line in others:
        language, translated, said = line.partition(".utf8=")
        if translated:
            yield language, said.strip()
