"""Voice verification as clients see it: templates made over HTTP, other sentences compared with them over the socket.

The calibration is of people; none of these voices had a part in it. Every voice is compared with every template of its
set.
"""

import asyncio
import io
import itertools
import json
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import numpy as np
from matplotlib.figure import Figure as Drawing
from tqdm import tqdm

from export.calibration.listening import Array
from export.calibration.pairs import equal_error_rate
from export.calibration.voices import (
    LANGUAGES,
    OTHER_SYNTHESIZER_VOICES,
    SAMPLE_RATE,
    TEST_VOICES,
    Samples,
    Voice,
    sentences,
)
from tests.bench import bars, material
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench, progress
from tests.bench.wire import Endpoint, audio_frames, converse

_TEMPLATE_SENTENCES = 5  # 13 to 17 seconds
_HOME_LANGUAGE, *_OTHER_LANGUAGES = LANGUAGES
_WINDOW_SECONDS = (3, 5)
_SPOKEN_SECONDS = 12.0
_AT_ONCE = 20
_STRANGERS = 4  # templates of other voices in the cross-language trials
_CREATE = "/voice_template_factory/create_voice_template_from_file"


@dataclass(frozen=True)
class _Trial:
    """One stream: who speaks, in which language, and whose template it is compared with."""

    speaker: Voice
    language: str
    claimed: Voice

    @property
    def genuine(self) -> bool:
        return self.speaker == self.claimed


@dataclass(frozen=True)
class Trials:
    """Of windows against templates of the same voice and of other voices."""

    same: Array
    different: Array


@dataclass(frozen=True)
class Scores:
    """Of the windows of many streams, with the probabilities that the gateway made of them."""

    score: Trials
    probability: Trials


def measure(bench: Bench) -> Result:
    return asyncio.run(_measure(bench))


async def _measure(bench: Bench) -> Result:
    voices = (*TEST_VOICES, *OTHER_SYNTHESIZER_VOICES)
    templates = await _templates(bench, voices)
    figures: list[Figure] = []
    by_set: dict[str, dict[int, Scores]] = {}
    for name, trials in _sets().items():
        spoken = {key: _spoken(*key) for key in progress({(t.speaker, t.language) for t in trials}, "speaking")}
        by_set[name] = {}
        for seconds in _WINDOW_SECONDS:
            scores = await _scores(bench, trials, templates, (spoken, seconds))
            by_set[name][seconds] = scores
            figures += _figures(name, seconds, scores)
    _draw(bench, by_set)
    return Result("verification", figures, {"hop_seconds": 1, "spoken_seconds": _SPOKEN_SECONDS})


def _sets() -> Mapping[str, list[_Trial]]:
    home = {
        "test voices": [_Trial(a, _HOME_LANGUAGE, b) for a, b in itertools.product(TEST_VOICES, repeat=2)],
        "other synthesizer": [
            _Trial(a, _HOME_LANGUAGE, b) for a, b in itertools.product(OTHER_SYNTHESIZER_VOICES, repeat=2)
        ],
    }
    across = []
    for number, voice in enumerate(TEST_VOICES):
        language = _OTHER_LANGUAGES[number % len(_OTHER_LANGUAGES)]
        for step in range(1 + _STRANGERS):
            across.append(_Trial(voice, language, TEST_VOICES[(number + 3 * step) % len(TEST_VOICES)]))
    return {**home, "other language": across}


def _spoken(voice: Voice, language: str) -> Samples:
    """Sentences that no template was made of, other ones for each voice."""
    texts = sentences(language)[_TEMPLATE_SENTENCES:]
    start = 3 * TEST_VOICES.index(voice) if voice in TEST_VOICES else 0
    texts = [texts[(start + i) % len(texts)] for i in range(len(texts))]
    return material.spoken(voice, texts, language, _SPOKEN_SECONDS)


async def _templates(bench: Bench, voices: Sequence[Voice]) -> dict[Voice, str]:
    templates = {}
    async with aiohttp.ClientSession(bench.gateway.http("")) as client:
        for voice in progress(voices, "enrolling"):
            texts = sentences(_HOME_LANGUAGE)[:_TEMPLATE_SENTENCES]
            form = aiohttp.FormData()
            recording = _wav(material.spoken(voice, texts, _HOME_LANGUAGE, seconds=60))
            form.add_field("wav_file", recording, filename="voice.wav", content_type="audio/wav")
            async with client.post(_CREATE, data=form) as response:
                assert response.status == 200, await response.text()
                templates[voice] = await response.text()
    return templates


def _wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(SAMPLE_RATE)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


async def _scores(
    bench: Bench,
    trials: Sequence[_Trial],
    templates: Mapping[Voice, str],
    heard: tuple[Mapping[tuple[Voice, str], Samples], int],
) -> Scores:
    spoken, seconds = heard
    frames = {key: audio_frames(samples, SAMPLE_RATE) for key, samples in spoken.items()}
    permits = asyncio.Semaphore(_AT_ONCE)
    bar = tqdm(total=len(trials), desc=f"verifying {seconds} s", leave=False, disable=None)

    async def verify(trial: _Trial) -> list[tuple[float, float]]:
        parameters = (templates[trial.claimed], str(SAMPLE_RATE), str(seconds), str(seconds))
        endpoint = Endpoint(bench.gateway.ports["voice"], "/voice_verify_stream", parameters)
        async with permits:
            replies = await converse(endpoint, frames[trial.speaker, trial.language])
        bar.update()
        results = [item["verify_result"] for reply in replies for item in json.loads(reply)]
        return [(result["score"], result["probability"]) for result in results]

    windows = await asyncio.gather(*map(verify, trials))
    bar.close()
    pairs = list(zip(trials, windows, strict=True))
    same, other = (
        np.array([result for trial, results in pairs if trial.genuine is wanted for result in results])
        for wanted in (True, False)
    )
    return Scores(Trials(same[:, 0], other[:, 0]), Trials(same[:, 1], other[:, 1]))


def _figures(name: str, seconds: int, scores: Scores) -> list[Figure]:
    """Across languages without bars: what the model gives there is published, not promised.

    Nor is how many others are refused: the calibration is of people, who differ more than a synthesizer's voices do.
    """
    rate, threshold = equal_error_rate(scores.score.same, scores.score.different)
    accepted = float(np.mean(scores.probability.same > 0.5)) * 100
    refused = float(np.mean(scores.probability.different < 0.5)) * 100
    barred = name != "other language"
    trials = f"{len(scores.score.same)} windows of the same voice, {len(scores.score.different)} of others"
    right_side = bars.RIGHT_SIDE_PERCENT if barred else None
    return [
        Figure(
            f"{name}, {seconds} s: equal error rate",
            rate * 100,
            "%",
            bars.EQUAL_ERROR_PERCENT[seconds] if barred else None,
            f"at score {threshold:.3f}; {trials}",
        ),
        Figure(f"{name}, {seconds} s: same voice > 0.5", accepted, "%", right_side),
        Figure(f"{name}, {seconds} s: other voice < 0.5", refused, "%", None),
    ]


def _draw(bench: Bench, by_set: Mapping[str, Mapping[int, Scores]]) -> None:
    drawing = Drawing(figsize=(13, 4), layout="constrained")
    *histograms, curves = drawing.subplots(1, 1 + len(_WINDOW_SECONDS))
    edges = np.linspace(0.3, 1, 71)
    for seconds, axes in zip(_WINDOW_SECONDS, histograms, strict=True):
        scores = by_set["test voices"][seconds].score
        axes.hist(scores.different, edges, density=True, alpha=0.6, label="other voice")
        axes.hist(scores.same, edges, density=True, alpha=0.6, label="same voice")
        axes.set(xlabel="score", ylabel="density of windows", title=f"test voices, {seconds} s windows")
        axes.legend()
    for name, by_window in by_set.items():
        for seconds, scores_of in by_window.items():
            curves.plot(*_errors(scores_of.score), label=f"{name}, {seconds} s")
    curves.set(xlabel="other voices accepted, %", ylabel="same voice refused, %", xlim=(-0.2, 10), ylim=(-0.2, 10))
    curves.set_title("detection errors")
    curves.legend(fontsize=7)
    drawing.savefig(bench.picture("verification"), dpi=120)


def _errors(scores: Trials) -> tuple[Array, Array]:
    """(accepted, refused) in percent at every threshold."""
    thresholds = np.sort(np.concatenate([scores.same, scores.different]))
    refused = np.searchsorted(np.sort(scores.same), thresholds) / len(scores.same)
    accepted = 1 - np.searchsorted(np.sort(scores.different), thresholds) / len(scores.different)
    return accepted * 100, refused * 100
