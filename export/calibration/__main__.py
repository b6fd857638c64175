"""`python -m export.calibration`: finds how two voices' score maps to a probability, and how far it can be trusted.

Fits on one set of synthetic voices; reports on twenty others, on another synthesizer's, and across languages.
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from export.calibration.verification import (
    TEMPLATE_SENTENCES,
    Array,
    Listener,
    Trials,
    accuracy,
    equal_error_rate,
    fit_logistic,
    trials,
    utterance,
)
from export.calibration.voices import (
    CALIBRATION_VOICES,
    LANGUAGES,
    OTHER_SYNTHESIZER_VOICES,
    TEST_VOICES,
    Samples,
    Voice,
    synthesizer_version,
)
from export.failure import ExportError
from export.publishing.recipes import RECIPES

WINDOW_SECONDS = (3, 5)
HOME_LANGUAGE = LANGUAGES[0]
# On synthetic voices the classes hardly overlap, and a free fit would put a cliff between them. This much keeps the
# slope near 30 and the middle in the gap's lower half, where the same voice in another language still passes.
REGULARISATION = 1e-4
NOISE_BELOW_SPEECH_DB = 15


def main(arguments: Sequence[str] | None = None) -> int:
    recipe = RECIPES["speaker_embedding"]
    parser = argparse.ArgumentParser(prog="python -m export.calibration", description=__doc__)
    parser.add_argument("--out", type=Path, default=recipe.calibration_path, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        result = calibrate(Listener())
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(result, indent=2) + "\n")
    except (ExportError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    print(report(result))
    print(f"{options.out} written; `python -m export` publishes it as the next version")
    return 0


def calibrate(listener: Listener) -> dict[str, Any]:
    """The contents of the calibration file."""
    fitted_on = _by_window(listener, CALIBRATION_VOICES, [HOME_LANGUAGE])
    fit = fit_logistic(_joined(list(fitted_on.values())), REGULARISATION)
    slope, intercept = (round(value, 3) for value in fit)
    return {
        "kind": "logistic",
        "slope": slope,
        "intercept": intercept,
        "identity": listener.identity,
        "regularisation": REGULARISATION,
        "noise_below_speech_db": NOISE_BELOW_SPEECH_DB,
        "template": f"the speech in {TEMPLATE_SENTENCES} sentences, {HOME_LANGUAGE}",
        "languages": list(LANGUAGES),
        "calibration_voices": [str(voice) for voice in CALIBRATION_VOICES],
        "test_voices": [str(voice) for voice in TEST_VOICES],
        "other_synthesizer_voices": [str(voice) for voice in OTHER_SYNTHESIZER_VOICES],
        "synthesizer": synthesizer_version(),
        "figures": [
            {"set": name, "window_seconds": seconds, **_figures(scores, (slope, intercept))}
            for name, by_window in _measured(listener, fitted_on).items()
            for seconds, scores in by_window.items()
        ],
    }


def _measured(listener: Listener, fitted_on: dict[int, Trials]) -> dict[str, dict[int, Trials]]:
    """What the figures are made of: the voices of the fit, and those it never heard under four conditions."""
    home = [HOME_LANGUAGE]
    return {
        "calibration voices": fitted_on,
        "test voices": _by_window(listener, TEST_VOICES, home),
        "other synthesizer": _by_window(listener, OTHER_SYNTHESIZER_VOICES, home),
        "test voices across languages": _by_window(listener, TEST_VOICES, LANGUAGES[1:]),
        "test voices in white noise": _by_window(listener, TEST_VOICES, home, in_noise),
    }


def report(result: Mapping[str, Any]) -> str:
    """The figures as a table for people."""
    head = f"probability = 1 / (1 + exp(-({result['slope']} * score {result['intercept']:+})))"
    columns = f"{'':30}{'window':>7}{'EER':>8}{'at':>7}{'same > 0.5':>12}{'other < 0.5':>13}{'trials':>14}"
    rows = [
        f"{row['set']:30}{row['window_seconds']:>5} s{row['equal_error_rate']:>8.2%}{row['equal_error_score']:>7.3f}"
        f"{row['same_accepted']:>12.1%}{row['different_refused']:>13.1%}"
        f"{row['same_trials']:>6} {row['different_trials']:>7}"
        for row in result["figures"]
    ]
    return "\n".join([head, columns, *rows])


def in_noise(samples: Samples) -> Samples:
    """White noise below the utterance: the hardest of the stationary ones, for it fills every band of the mel."""
    noise = np.random.default_rng(len(samples)).standard_normal(len(samples))
    rms = np.sqrt(np.mean(samples.astype(np.float64) ** 2)) * 10 ** (-NOISE_BELOW_SPEECH_DB / 20)
    return np.asarray(np.clip(samples + noise * rms, -32768, 32767), np.int16)


def _by_window(
    listener: Listener,
    voices: Sequence[Voice],
    languages: Sequence[str],
    heard_as: Callable[[Samples], Samples] = lambda samples: samples,
) -> dict[int, Trials]:
    """The trials of a set of voices, clean templates in the home language and windows in each of the languages."""
    templates: dict[Voice, Array] = {}
    windows: dict[int, dict[Voice, Array]] = {seconds: {} for seconds in WINDOW_SECONDS}
    for voice in tqdm(voices, desc=f"listening to {'+'.join(languages)}", unit="voice", disable=None, leave=False):
        templates[voice] = listener.template(voice, HOME_LANGUAGE)
        # Never the template's own sentences, in whatever language.
        spoken = [heard_as(utterance(voice, language, slice(TEMPLATE_SENTENCES, None))) for language in languages]
        for seconds in WINDOW_SECONDS:
            windows[seconds][voice] = np.concatenate([listener.windows(samples, seconds) for samples in spoken])
    return {seconds: trials(templates, by_voice) for seconds, by_voice in windows.items()}


def _joined(parts: Sequence[Trials]) -> Trials:
    return Trials(np.concatenate([part.same for part in parts]), np.concatenate([part.different for part in parts]))


def _figures(scores: Trials, calibration: tuple[float, float]) -> dict[str, float]:
    rate, threshold = equal_error_rate(scores)
    accepted, refused = accuracy(scores, calibration)
    return {
        "equal_error_rate": round(rate, 5),
        "equal_error_score": round(threshold, 3),
        "same_accepted": round(accepted, 4),
        "different_refused": round(refused, 4),
        "same_trials": len(scores.same),
        "different_trials": len(scores.different),
    }


if __name__ == "__main__":
    sys.exit(main())
