"""Scores as the gateway makes them: the speech within windows of an utterance against templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration.voices import SAMPLE_RATE, Samples, Voice, sentences, speak
from export.failure import ExportError
from export.graphs import speaker_embedding, vad
from export.graphs.runtime import Inputs, Runner
from export.graphs.vad import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES
from export.publishing.recipes import RECIPES

# The gateway's own choices, mirrored: where speech begins and ends, and how little of it says nothing about a voice.
SPEECH_BEGINS, SPEECH_ENDS, LEAST_SPEECH_SECONDS = 0.5, 0.35, 0.5
TEMPLATE_SENTENCES = 5  # 13 to 17 seconds
Array = NDArray[Any]


@dataclass(frozen=True)
class Trials:
    """Scores of windows against templates of the same voice and of other voices."""

    same: Array
    different: Array


class Listener:
    """The two graphs, built from their sources, and what the gateway does between them."""

    def __init__(self) -> None:
        vad_graph, _ = vad.build(RECIPES["vad"].source.locate())
        speaker_graph, self.identity = speaker_embedding.build(RECIPES["speaker_embedding"].source.locate())
        self._vad, self._speaker = Runner(vad_graph.SerializeToString()), Runner(speaker_graph.SerializeToString())

    def template(self, voice: Voice, language: str) -> Array:
        """The embedding of the speech in a voice's first sentences."""
        samples = utterance(voice, language, slice(0, TEMPLATE_SENTENCES))
        return self.embed(samples[self.speech(samples)])

    def windows(self, samples: Samples, seconds: int) -> Array:
        """The embeddings of windows side by side, those with too little speech left out: [windows, 256]."""
        speech = self.speech(samples)
        step = seconds * SAMPLE_RATE
        parts = [samples[at : at + step][speech[at : at + step]] for at in range(0, len(samples) - step + 1, step)]
        return np.array([self.embed(part) for part in parts if len(part) >= LEAST_SPEECH_SECONDS * SAMPLE_RATE])

    def speech(self, samples: Samples) -> NDArray[np.bool_]:
        """Which samples are speech, by hysteresis on the probability of each window."""
        count = -(-len(samples) // WINDOW_SAMPLES)
        inputs: Inputs = {
            "AUDIO": np.pad(samples, (0, count * WINDOW_SAMPLES - len(samples)))[None],
            "WINDOWS": np.array([[count]], np.int32),
            "CONTEXT": np.zeros((1, CONTEXT_SAMPLES), np.float32),
            "STATE": np.zeros((1, 2, STATE_SIZE), np.float32),
        }
        flags, speaking = [], False
        for probability in self._vad.run(inputs, "PROBABILITY")["PROBABILITY"][0]:
            speaking = probability >= (SPEECH_ENDS if speaking else SPEECH_BEGINS)
            flags.append(speaking)
        return np.repeat(flags, WINDOW_SAMPLES)[: len(samples)]

    def embed(self, speech: Samples) -> Array:
        inputs: Inputs = {"AUDIO": speech[None], "LENGTH": np.array([[len(speech)]], np.int32)}
        return np.asarray(self._speaker.run(inputs, "EMBEDDING")["EMBEDDING"][0])


def utterance(voice: Voice, language: str, which: slice) -> Samples:
    return np.concatenate([speak(voice, text, language) for text in sentences(language)[which]])


def trials(templates: Mapping[Voice, Array], windows: Mapping[Voice, Array]) -> Trials:
    """Every window against every template."""
    same = [windows[voice] @ templates[voice] for voice in windows]
    different = [windows[voice] @ templates[other] for voice in windows for other in templates if other != voice]
    return Trials(np.concatenate(same), np.concatenate(different))


def accuracy(scores: Trials, calibration: tuple[float, float]) -> tuple[float, float]:
    """The parts of the same and of the different that a probability of one half tells apart."""
    slope, intercept = calibration
    same, different = (slope * values + intercept for values in (scores.same, scores.different))
    return float(np.mean(same > 0)), float(np.mean(different < 0))


def equal_error_rate(scores: Trials) -> tuple[float, float]:
    """(rate, threshold) where as many of the same voice are refused as of other voices are accepted."""
    thresholds = np.sort(np.concatenate([scores.same, scores.different]))
    refused = np.searchsorted(np.sort(scores.same), thresholds) / len(scores.same)
    accepted = 1 - np.searchsorted(np.sort(scores.different), thresholds) / len(scores.different)
    best = int(np.argmin(np.abs(refused - accepted)))
    return float(refused[best] + accepted[best]) / 2, float(thresholds[best])


def fit_logistic(scores: Trials, regularisation: float) -> tuple[float, float]:
    """(slope, intercept) of the probability of the same voice, both classes weighing the same; Newton's method."""
    values = np.concatenate([scores.same, scores.different]).astype(np.float64)
    labels = np.repeat([1.0, 0.0], [len(scores.same), len(scores.different)])
    weights = np.where(labels == 1, 0.5 / len(scores.same), 0.5 / len(scores.different))
    design = np.stack([values, np.ones_like(values)], axis=1)
    penalty = np.diag([regularisation, 0.0])
    parameters = np.zeros(2)
    for _ in range(100):
        probability = 1 / (1 + np.exp(-design @ parameters))
        gradient = design.T @ (weights * (probability - labels)) + penalty @ parameters
        curvature = (design.T * (weights * probability * (1 - probability))) @ design + penalty
        step = np.linalg.solve(curvature, gradient)
        parameters = parameters - step
        if np.abs(step).max() < 1e-9:
            return float(parameters[0]), float(parameters[1])
    raise ExportError("the calibration does not converge: are the two classes the wrong way round?")
