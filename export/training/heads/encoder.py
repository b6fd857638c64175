"""Moonshine's encoder over one clip."""

from pathlib import Path

import numpy as np
import onnxruntime

from export.heads.reference import Array
from export.people.sound import Samples

_FRAME_SAMPLES = 384


class Encoder:
    """The float32 encoder graph: `input_values`, a mask over samples, and the frames of the first convolution."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def __call__(self, samples: Samples) -> Array:
        first = (len(samples) - 127) // 64 + 1
        frames = ((first - 7) // 3 + 1 - 3) // 2 + 1
        mask = np.arange(len(samples)) < _FRAME_SAMPLES * (frames - 1) + 1
        inputs = {
            "input_values": samples[None],
            "attention_mask": mask.astype(np.int64)[None],
            "conv1_frames": np.array([first]),
        }
        (hidden,) = self._session.run(None, inputs)
        return np.asarray(hidden[0], np.float32)
