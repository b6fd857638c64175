"""Moonshine's encoder alone, over one clip: its last layer, as the graph that serves has it."""

import numpy as np
import onnxruntime

from export.graphs.building import FLOAT, INT16, INT32, INT64, Graph
from export.graphs.moonshine.encoder import encode
from export.graphs.moonshine.front_end import convolve, extent
from export.graphs.sequence.layers import Layers
from export.heads.reference import WIDTH, Array
from export.people.fetching import unpacked
from export.people.sound import Samples
from export.sources.moonshine_wheel import OPTIONS, SHAPE, MoonshineWheel

_WHEEL, _WEIGHTS = "moonshine-voice", "moonshine_voice/assets/tiny-en"


def encoder_graph() -> bytes:
    """The published graph's front half, of the same arrays."""
    graph = Graph("encoder")
    audio = graph.input("AUDIO", INT16, ["batch", "samples"])
    asked = graph.input("LENGTH", INT32, ["batch", 1])
    layers = Layers(graph, MoonshineWheel(unpacked(_WHEEL) / _WEIGHTS).weights, OPTIONS.precision)
    length, real = extent(graph, audio, asked, SHAPE)
    heard = encode(layers, convolve(layers, audio, length, real), real, SHAPE)
    graph.output("FRAMES", heard.states, FLOAT, ["batch", "frames", WIDTH])
    graph.output("COUNT", real.frames, INT64, ["batch", 1])
    return bytes(graph.model().SerializeToString())


class Encoder:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(encoder_graph(), options, providers=["CPUExecutionProvider"])

    def __call__(self, samples: Samples) -> Array:
        audio = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        inputs = {"AUDIO": audio[None], "LENGTH": np.array([[len(audio)]], np.int32)}
        frames, count = self._session.run(None, inputs)
        return np.asarray(frames[0, : int(count[0, 0])], np.float32)
