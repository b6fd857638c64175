"""The speaker graph against the original package's own code, where PyTorch and librosa are (requirements.txt)."""

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.failure import ExportError
from export.graphs import speaker_embedding
from export.graphs.runtime import Runner
from export.parity.speaker_embedding import LENGTHS, LOUDNESS, embeddings, voicelike
from export.publishing.recipes import Recipe

Encoder = Callable[[NDArray[np.int16]], NDArray[np.float32]]


def compare(recipe: Recipe) -> float:
    """The largest difference of an element of an embedding, over the clips of the parity check."""
    encode = _original()
    runner = Runner(speaker_embedding.build(recipe.source.locate())[0].SerializeToString())
    differences = []
    for row, (length, loudness) in enumerate(zip(LENGTHS, LOUDNESS, strict=True)):
        samples = voicelike(length, 90 + 25 * row, loudness)
        ours = embeddings(runner, samples[None], np.array([length]))[0]
        differences.append(float(np.abs(ours - encode(samples)).max()))
    return max(differences)


def _original() -> Encoder:
    """What resemblyzer's preprocess_wav and embed_utterance do, but for the trimming of silence."""
    for name in ("torch", "librosa"):
        if importlib.util.find_spec(name) is None:
            raise ExportError(f"{name} is missing: pip install -r export/requirements.txt into .venv-export, run there")
    _stand_in("webrtcvad")
    _stand_in("scipy.ndimage.morphology", binary_dilation=None)
    audio = importlib.import_module("resemblyzer.audio")
    encoder = importlib.import_module("resemblyzer.voice_encoder").VoiceEncoder("cpu", verbose=False)

    def encode(samples: NDArray[np.int16]) -> NDArray[np.float32]:
        waveform = samples.astype(np.float32) / 32768
        louder = audio.normalize_volume(waveform, audio.audio_norm_target_dBFS, increase_only=True)
        return np.asarray(encoder.embed_utterance(louder))

    return encode


def _stand_in(name: str, **contents: Any) -> None:
    """An empty module for what only the trimming of silence needs and what newer environments lack."""
    module = types.ModuleType(name)
    vars(module).update(contents)
    sys.modules.setdefault(name, module)
