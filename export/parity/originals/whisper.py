"""The Whisper graph against transformers' WhisperForConditionalGeneration, and each row of a batch against itself.

Compared are the encoder's states, the log-probabilities of given texts and every greedy choice. Of a choice the graph
may take a token that the reference finds as likely as its own, within the tolerance: which of two equals is the
largest is nobody's mistake.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from export.graphs import model_files
from export.graphs.runtime import Runner
from export.parity.originals.sounds import hum, padded
from export.publishing.asr_version import MAX_SECONDS, SAMPLE_RATE
from export.sources.whisper import WhisperSource

# Whole encoder frames: the reference cannot take an odd number of mel frames.
SECONDS = (2.0, 1.34, 3.06)
TEXTS, TEXT_TOKENS, GREEDY_TOKENS = 1, 96, 32
FULL_SCALE = 32768
Array = NDArray[Any]


@dataclass(frozen=True)
class Said:
    """What a graph answers about one clip: it hears, judges given texts, and writes one of its own."""

    states: Array  # [frames, width], of a graph a few more frames than there are
    judged: Array  # log-probabilities [texts, tokens]
    tokens: Array
    scores: Array


def measure(path: Path, source: WhisperSource, wants_padding: bool) -> dict[str, float]:
    """The largest differences; of the encoder's states as parts of the largest state, where that is above 1."""
    graph, original = Exported(path, source), Original(source)
    texts = _texts(source)
    clips = [hum(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    if wants_padding:
        clips = [np.pad(clip, (0, MAX_SECONDS * SAMPLE_RATE - len(clip))) for clip in clips[:2]]
    together = graph.hear(clips, texts)
    differences = [_difference(graph, original, clip, (texts, row)) for clip, row in zip(clips, together, strict=True)]
    return {name: max(each[name] for each in differences) for name in differences[0]}


def _difference(
    graph: "Exported", original: "Original", clip: Array, against: tuple[Sequence[list[int]], Said]
) -> dict[str, float]:
    texts, in_batch = against
    (alone,) = graph.hear([clip], texts)
    states = original.states(clip)
    scale = max(1.0, float(np.abs(states).max()))
    judged = np.stack([original.judged(states, text) for text in texts])
    behind, scores = original.choices(states, texts[0][: graph.task_tokens], alone.tokens)
    found = {
        "states_difference": _largest(alone.states[: len(states)] - states) / scale,
        "log_probability_difference": max(_largest(alone.judged - judged), _largest(alone.scores - scores)),
        "choice_difference": _largest(behind),
        "batch_difference": max(
            _largest(in_batch.states[: len(states)] - alone.states[: len(states)]) / scale,
            _largest(in_batch.judged - alone.judged),
        ),
        "different_tokens_in_batch": float(not np.array_equal(_cut(in_batch, graph.end), _cut(alone, graph.end))),
    }
    difference = max(found["states_difference"], found["log_probability_difference"], found["choice_difference"])
    return {"max_difference": difference, **found}


def _largest(values: Array) -> float:
    return float(np.abs(values).max())


def _cut(said: Said, end: int) -> list[int]:
    tokens: list[int] = said.tokens.tolist()
    return tokens[: tokens.index(end)] if end in tokens else tokens


def _texts(source: WhisperSource) -> list[list[int]]:
    """The task, then letters of the vocabulary at random: a reference judges nonsense as exactly as sense."""
    tokens = source.tokens
    assert tokens.start is not None
    task = [tokens.start]
    if tokens.languages and tokens.tasks:
        task += [next(iter(tokens.languages.values())), tokens.tasks["transcribe"]]
    if tokens.no_timestamps is not None:
        task.append(tokens.no_timestamps)
    random = np.random.default_rng(3)
    return [[*task, *random.integers(0, tokens.first_special, TEXT_TOKENS).tolist()] for _ in range(TEXTS)]


class Exported:
    """The exported graph, with the encoder's states laid open."""

    def __init__(self, path: Path, source: WhisperSource) -> None:
        assert source.tokens.end is not None
        self.end = source.tokens.end
        self._states = _states_name(path, source.checkpoint.config["encoder_layers"])
        opened = path.with_name("opened.onnx")
        model_files.add_output(path, self._states, opened)
        self._runner = Runner(opened)
        opened.unlink()
        self.task_tokens = len(_texts(source)[0]) - TEXT_TOKENS

    def hear(self, clips: Sequence[Array], texts: Sequence[list[int]]) -> list[Said]:
        audio, lengths = padded(list(clips))
        sounds: dict[str, Array] = {"AUDIO": audio, "LENGTH": lengths}
        judged = [self._run(sounds, text, 0)[1] for text in texts]
        states, _, tokens, scores = self._run(sounds, texts[0][: self.task_tokens], GREEDY_TOKENS)
        return [
            Said(
                states[row].astype(np.float32),
                np.stack([each[row, 1:] for each in judged]),
                tokens[row],
                scores[row],
            )
            for row in range(len(clips))
        ]

    def _run(self, sounds: dict[str, Array], prompt: list[int], most: int) -> list[Array]:
        rows = len(sounds["AUDIO"])
        inputs = {
            **sounds,
            "PROMPT": np.array([prompt] * rows, np.int32),
            "PROMPT_LENGTH": np.full((rows, 1), len(prompt), np.int32),
            "MAX_TOKENS": np.full((rows, 1), most, np.int32),
        }
        names = (self._states, "PROMPT_LOG_PROBABILITY", "TOKEN", "LOG_PROBABILITY")
        found = self._runner.run(inputs, *names)
        return [found[name] for name in names]


def _states_name(path: Path, layers: int) -> str:
    """What the encoder's last norm gives: two come before it in each layer."""
    nodes = onnx.load_model(path, load_external_data=False).graph.node
    norms = [node for node in nodes if node.op_type == "LayerNormalization"]
    return str(norms[2 * layers].output[0])


class Original:
    """The reference implementation with the checkpoint's own parameters."""

    def __init__(self, source: WhisperSource) -> None:
        import torch
        from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

        self._torch, self._source = torch, source
        self._model = WhisperForConditionalGeneration(WhisperConfig(**source.checkpoint.config)).eval()
        state = {name: torch.from_numpy(array) for name, array in source.weights.items()}
        self._model.load_state_dict(state, strict=False)  # the output matrix is the embedding; a CTC head is not its
        self._positions = self._model.model.encoder.embed_positions.weight
        self._features = WhisperFeatureExtractor(feature_size=source.checkpoint.config["num_mel_bins"])

    def states(self, clip: Array) -> Array:
        """The encoder over the clip's own frames, with the positions cut to them; it takes no other number."""
        samples = clip.astype(np.float32) / FULL_SCALE
        features = self._features(
            samples, sampling_rate=SAMPLE_RATE, padding="longest", truncation=False, return_tensors="pt"
        ).input_features
        encoder, frames = self._model.model.encoder, features.shape[2] // 2
        encoder.config.max_source_positions = frames
        encoder.embed_positions = self._torch.nn.Embedding.from_pretrained(self._positions[:frames])
        with self._torch.inference_mode():
            return np.asarray(encoder(features).last_hidden_state[0].numpy())

    def judged(self, states: Array, text: list[int]) -> Array:
        """The log-probability of each token of a text after those before it."""
        scores = self._log_probabilities(states, text)
        return np.asarray(scores[np.arange(len(text) - 1), text[1:]])

    def choices(self, states: Array, task: list[int], tokens: Array) -> tuple[Array, Array]:
        """How much likelier the reference's own choice is at each step, and its log-probability of the graph's."""
        end = self._source.tokens.end
        chosen = tokens.tolist()
        chosen = chosen[: chosen.index(end) + 1] if end in chosen else chosen
        logits = self._logits(states, [*task, *chosen[:-1]])[len(task) - 1 :].copy()
        logits[:, list(self._source.suppressed)] = -np.inf
        logits[0, list(self._source.suppressed_first)] = -np.inf
        scores = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
        own = scores[np.arange(len(chosen)), chosen]
        silence = np.zeros(len(tokens) - len(chosen), np.float32)  # the graph's scores are 0 behind the end
        return scores.max(1) - own, np.concatenate([own, silence])

    def _logits(self, states: Array, text: list[int]) -> Array:
        from transformers.modeling_outputs import BaseModelOutput

        heard = BaseModelOutput(last_hidden_state=self._torch.from_numpy(states)[None])
        tokens = self._torch.tensor([text])
        with self._torch.inference_mode():
            found = self._model(encoder_outputs=heard, decoder_input_ids=tokens, use_cache=False)
        # Adding up the whole vocabulary one by one would lose what is to be measured.
        return np.asarray(found.logits[0].double().numpy())

    def _log_probabilities(self, states: Array, text: list[int]) -> Array:
        logits = self._logits(states, text)
        return np.asarray(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True))
