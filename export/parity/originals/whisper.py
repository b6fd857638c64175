"""The Whisper graph against transformers' WhisperForConditionalGeneration."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from export.parity.originals import sequence
from export.parity.originals.sequence import FULL_SCALE, Array, Subject
from export.parity.originals.sounds import hum
from export.publishing.asr_version import MAX_SECONDS, SAMPLE_RATE
from export.sources.whisper import WhisperSource

# Whole encoder frames: the reference cannot take an odd number of mel frames.
SECONDS = (2.0, 1.34, 3.06)
TEXTS, TEXT_TOKENS = 1, 96


def measure(path: Path, source: WhisperSource, wants_padding: bool) -> dict[str, float]:
    clips = [hum(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    if wants_padding:
        clips = [np.pad(clip, (0, MAX_SECONDS * SAMPLE_RATE - len(clip))) for clip in clips[:2]]
    return sequence.measure(path, Original(source), _subject(source), clips)


def _subject(source: WhisperSource) -> Subject:
    assert source.tokens.end is not None
    texts = _texts(source)
    return Subject(
        encoder_layers=source.checkpoint.config["encoder_layers"],
        texts=texts,
        task_tokens=len(texts[0]) - TEXT_TOKENS,
        end=source.tokens.end,
        suppressed=source.suppressed,
        suppressed_first=source.suppressed_first,
    )


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


class Original:
    """The reference implementation with the checkpoint's own parameters."""

    def __init__(self, source: WhisperSource) -> None:
        import torch
        from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

        self._torch = torch
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

    def logits(self, states: Array, text: Sequence[int]) -> Array:
        from transformers.modeling_outputs import BaseModelOutput

        heard = BaseModelOutput(last_hidden_state=self._torch.from_numpy(states)[None])
        tokens = self._torch.tensor([list(text)])
        with self._torch.inference_mode():
            found = self._model(encoder_outputs=heard, decoder_input_ids=tokens, use_cache=False)
        # Adding up the whole vocabulary one by one would lose what is to be measured.
        return np.asarray(found.logits[0].double().numpy())
