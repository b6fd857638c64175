"""The CTC graph against transformers' Wav2Vec2ForCTC, clip by clip, and each clip in a batch against itself alone."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.graphs.ctc.shape import FULL_SCALE
from export.graphs.runtime import Runner
from export.parity.originals.sounds import hum, padded
from export.sources.wav2vec2 import CtcSource

SECONDS = (1.0, 2.37, 0.5, 4.011)
LOUDNESS_EPSILON = 1e-7


def measure(model: bytes | Path, source: CtcSource) -> dict[str, Any]:
    """The largest differences of a log-probability, and the share of frames with the same best class."""
    runner, original = Runner(model), Original(source)
    clips = [hum(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    audio, lengths = padded(clips)
    batch = runner.run({"AUDIO": audio, "LENGTH": lengths}, "LOG_PROBABILITY", "FRAMES")
    worst, astray, same = 0.0, 0.0, []
    for row, clip in enumerate(clips):
        expected = original.log_probability(clip)
        frames = int(batch["FRAMES"][row, 0])
        if frames != len(expected):
            return {"max_difference": float("inf"), "batch_difference": float("inf"), "equal_frames": 0.0}
        alone = runner.run({"AUDIO": clip[None], "LENGTH": lengths[row : row + 1]}, "LOG_PROBABILITY")
        found = alone["LOG_PROBABILITY"][0, :frames]
        worst = max(worst, float(np.abs(found - expected).max()))
        astray = max(astray, float(np.abs(found - batch["LOG_PROBABILITY"][row, :frames]).max()))
        same.append(found.argmax(1) == expected.argmax(1))
    return {"max_difference": worst, "batch_difference": astray, "equal_frames": float(np.concatenate(same).mean())}


class Original:
    """The reference implementation with the checkpoint's own parameters."""

    def __init__(self, source: CtcSource) -> None:
        import torch
        from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

        self._torch = torch
        self._normalises = source.shape.normalises_audio
        self._model = Wav2Vec2ForCTC(Wav2Vec2Config(**source.config)).eval()
        state = {name: torch.from_numpy(array) for name, array in source.reference.items()}
        self._model.load_state_dict(state, strict=False)  # but for the mask of the training

    def log_probability(self, clip: NDArray[np.int16]) -> NDArray[np.float32]:
        samples = clip.astype(np.float32) / FULL_SCALE
        if self._normalises:
            samples = (samples - samples.mean()) / np.sqrt(samples.var() + LOUDNESS_EPSILON)
        with self._torch.inference_mode():
            logits = self._model(self._torch.from_numpy(samples)[None]).logits[0]
            return np.asarray(self._torch.log_softmax(logits, -1).numpy())
