"""The calibration that comes with the model: fitted on people, judged on others that it never heard."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.calibration import people
from export.calibration.fitting import fit
from export.calibration.listening import Listener
from export.calibration.pairs import Pairs, Take, judge, pairs
from export.people.collection import recordings
from export.people.packages import PACKAGES
from frontend.calibration import Calibration

KIND = "logistic by speech"
# How much weighs that a voice is heard otherwise than when it was enrolled. In the packages each person was recorded on
# one day; without it the fit would ask of long recordings to be as alike. More than this accepts too many strangers.
DISTURBED_SHARE = 0.03
# For the same reason longer ones count as 8 s.
_RANGE_SECONDS = (people.AMOUNTS_SECONDS[0], 8.0)
_SHORTEST_TEMPLATE_SECONDS = 1.0


def calibrate(listener: Listener, cache: Path) -> tuple[dict[str, Any], Pairs, Calibration]:
    """The contents of the calibration file, the pairs that it was judged with, and the calibration."""
    known = recordings(cache)
    packages = {each.source for each in known}
    heard = {split: people.takes(listener, people.voices(known, split)) for split in ("train", "test")}
    plain, disturbed = heard["train"]
    parts = {1 - DISTURBED_SHARE: pairs(plain), DISTURBED_SHARE: pairs(plain, disturbed)}
    calibration = fit(parts, _RANGE_SECONDS)
    plain_judged, disturbed_judged = pairs(heard["test"][0]), pairs(*heard["test"])
    figures = [
        figure(name, each, calibration)
        for name, each in {**_sets(plain_judged), **_disturbed_sets(disturbed_judged)}.items()
    ]
    result = {
        "kind": KIND,
        "slope": list(calibration.slope),
        "intercept": list(calibration.intercept),
        "seconds": list(calibration.seconds),
        "provenance": _provenance(heard, figures[0]),
        "identity": listener.identity,
        "disturbed_share": DISTURBED_SHARE,
        "disturbance": people.DISTURBANCE,
        "figures": figures,
        "fitted_on": _speakers(plain),
        "judged_on": _speakers(heard["test"][0]),
        "packages": {name: f"{PACKAGES[name].version} sha256:{PACKAGES[name].sha256}" for name in sorted(packages)},
    }
    return result, plain_judged, calibration


def figure(name: str, judged: Pairs, calibration: Calibration) -> dict[str, Any]:
    """One row: rates in percent with the range for 95 of 100 draws of speakers."""
    rates = {key: rate.percent() for key, rate in judge(judged, calibration).items()}
    return {"set": name, **rates, "same_pairs": int(judged.same.sum()), "other_pairs": int((~judged.same).sum())}


def _sets(judged: Pairs) -> dict[str, Pairs]:
    least, longest = judged.seconds.min(axis=1), judged.seconds.max(axis=1)
    return {
        "people never heard, 2 s of speech and more": judged.at_least(2),
        "both of them 2 to 4 s": judged.chosen((least >= 2) & (longest < 4)),
        "1 s and more": judged.at_least(_SHORTEST_TEMPLATE_SECONDS),
        "one of them less than 2 s": judged.chosen((least >= _SHORTEST_TEMPLATE_SECONDS) & (least < 2)),
        "one of them less than 1 s": judged.chosen(least < _SHORTEST_TEMPLATE_SECONDS),
    }


def _disturbed_sets(judged: Pairs) -> dict[str, Pairs]:
    return {"2 s and more, one of them disturbed": judged.at_least(2)}


def _speakers(takes: list[Take]) -> list[str]:
    return sorted({take.speaker for take in takes})


def _provenance(heard: Mapping[str, tuple[list[Take], list[Take]]], first: Mapping[str, Any]) -> str:
    """One line for the manifest: on whom, and how well it holds on others."""
    fitted, judged = (len(_speakers(heard[split][0])) for split in ("train", "test"))
    rates = ", ".join(
        f"{what} {first[key]['share']} %"
        for what, key in (("equal errors", "equal_error_rate"), ("same accepted", "same_accepted"))
    )
    return (
        f"fitted on {fitted} people's recordings from package registries; on {judged} others, 2 s and more: "
        f"{rates}, others refused {first['other_refused']['share']} %"
    )
