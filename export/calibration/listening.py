"""Recordings as the gateway hears them: what is speech in them, and whose voice that is."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs import speaker_embedding, vad
from export.graphs.runtime import Inputs, Runner
from export.graphs.vad import CONTEXT_SAMPLES, STATE_SIZE, WINDOW_SAMPLES
from export.publishing.recipes import RECIPES

# The gateway's own choices, mirrored: where speech begins and ends, and how little of it says nothing about a voice.
SPEECH_BEGINS, SPEECH_ENDS, LEAST_SPEECH_SECONDS = 0.5, 0.35, 0.5
RATE = 16_000
Array = NDArray[Any]
Samples = NDArray[np.int16]


class Listener:
    """The two graphs, built from their sources, and what the gateway does between them."""

    def __init__(self) -> None:
        vad_graph, _ = vad.build(RECIPES["vad"].source.locate())
        speaker_graph, self.identity = speaker_embedding.build(RECIPES["speaker_embedding"].source.locate())
        self._vad, self._speaker = Runner(vad_graph.SerializeToString()), Runner(speaker_graph.SerializeToString())

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
        return np.repeat(np.array(flags, bool), WINDOW_SAMPLES)[: len(samples)]

    def embed(self, speech: Samples) -> Array:
        inputs: Inputs = {"AUDIO": speech[None], "LENGTH": np.array([[len(speech)]], np.int32)}
        return np.asarray(self._speaker.run(inputs, "EMBEDDING")["EMBEDDING"][0])
