"""Which voices are trained, and which are kept back to show how the model fares with voices it never heard."""

import random
from dataclasses import dataclass

ESPEAK_VARIANTS = (
    "Alex Alicia Andrea Andy Denis Diogo Gene Gene2 Henrique Hugo Jacky Lee Marco Mario Mike adam anika antonio "
    "belinda benjamin boris caleb david ed edward edward2 f1 f2 f3 f5 grandma gustave iven iven2 iven3 iven4 john "
    "klatt klatt2 klatt4 m1 m2 m3 m4 m5 m6 m8 marcelo max michel miguel norbert pablo paul pedro rob robert sandro "
    "shelby steph steph3 travis victor zac"
)
_ESPEAK_VARIANTS_HELD = "Annie Michael f4 m7 klatt3 linda quincy steph2"
_ESPEAK_DIALECTS = {
    "en": ("en-us", "en", "en-gb-scotland", "en-gb-x-rp"),
    "de": ("de",),
    "es": ("es", "es-419"),
    "fr": ("fr", "fr-be"),
    "it": ("it",),
    "bg": ("bg",),
}


@dataclass(frozen=True)
class Voice:
    engine: str
    name: str


# The synthesizers besides espeak-ng, with their share of a language's training utterances.
_OTHERS = {
    "en": (
        (0.24, "flite", ("slt", "awb", "kal16", "kal")),
        (0.16, "festival", ("ked_diphone", "kal_diphone", "cmu_us_slt_arctic_hts")),
        (0.15, "pico", ("en-US", "en-GB")),
    ),
    "de": ((0.3, "pico", ("de-DE",)),),
    "es": ((0.3, "pico", ("es-ES",)),),
    "fr": ((0.3, "pico", ("fr-FR",)),),
    "it": ((0.35, "festival", ("lp_diphone",)), (0.25, "pico", ("it-IT",))),
    "bg": (),
}
_HELD = {"flite": ("en", "rms"), "festival": ("it", "pc_diphone"), "hibari": ("en", "heart")}

# Groups of voices. Trained: as the shares say; espeak: its trained variants; others: the trained voices of the other
# synthesizers; unseen: espeak-ng's held variants; then the held voice of each other synthesizer.
GROUPS = ("trained", "espeak", "others", "unseen", *_HELD)


def languages(group: str) -> tuple[str, ...]:
    """The languages that a group can speak."""
    if group in _HELD:
        return (_HELD[group][0],)
    return tuple(language for language, others in _OTHERS.items() if others or group != "others")


def draw(group: str, language: str, rng: random.Random) -> Voice:
    if group in _HELD:
        return Voice(group, _HELD[group][1])
    if group in ("espeak", "unseen"):
        return _espeak(language, rng, held=group == "unseen")
    others = _OTHERS[language]
    drawn = rng.random()
    if group == "others":
        drawn *= sum(share for share, _, _ in others)
    for share, engine, names in others:
        if drawn < share:
            return Voice(engine, rng.choice(names))
        drawn -= share
    return _espeak(language, rng, held=False)


def _espeak(language: str, rng: random.Random, held: bool) -> Voice:
    variant = rng.choice((_ESPEAK_VARIANTS_HELD if held else ESPEAK_VARIANTS).split())
    return Voice("espeak", f"{rng.choice(_ESPEAK_DIALECTS[language])}+{variant}")
