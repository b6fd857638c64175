"""The Moonshine graph against transformers' MoonshineForConditionalGeneration."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from export.parity.originals import sequence
from export.parity.originals.sequence import FULL_SCALE, Array, Subject
from export.parity.originals.sounds import hum
from export.sources.moonshine import MoonshineSource

SECONDS = (2.0, 1.34, 3.06)
TEXT_TOKENS = 96


def measure(path: Path, source: MoonshineSource) -> dict[str, float]:
    tokens = source.tokens
    assert tokens.start is not None
    assert tokens.end is not None
    letters = np.random.default_rng(3).integers(tokens.end + 1, tokens.first_special, TEXT_TOKENS).tolist()
    subject = Subject(
        encoder_layers=source.shape.encoder_layers,
        texts=[[tokens.start, *letters]],
        task_tokens=1,
        end=tokens.end,
        suppressed=source.suppressed,
    )
    clips = [hum(seconds, seed) for seed, seconds in enumerate(SECONDS)]
    return sequence.measure(path, Original(source.config, source.weights), subject, clips)


class Original:
    """The reference implementation with a checkpoint's own parameters."""

    def __init__(self, config: Mapping[str, Any], weights: Mapping[str, Array]) -> None:
        import torch
        from transformers import MoonshineConfig, MoonshineForConditionalGeneration

        self._torch = torch
        self._model = MoonshineForConditionalGeneration(MoonshineConfig(**config, attn_implementation="eager")).eval()
        state = {name: torch.tensor(array) for name, array in weights.items()}
        self._model.load_state_dict(state, strict=False)  # the output matrix is the embedding

    def states(self, clip: Array) -> Array:
        samples = self._torch.from_numpy(clip.astype(np.float32) / FULL_SCALE)[None]
        with self._torch.inference_mode():
            return np.asarray(self._model.model.encoder(samples).last_hidden_state[0].numpy())

    def logits(self, states: Array, text: Sequence[int]) -> Array:
        # Adding up the whole vocabulary one by one would lose what is to be measured.
        return np.asarray(self._decoded(states, text).logits[0].double().numpy())

    def looks(self, states: Array, text: Sequence[int], heads: Sequence[tuple[int, int]]) -> Array:
        """The mean of these heads' looks at the frames: [tokens, frames]."""
        every = self._decoded(states, text, output_attentions=True).cross_attentions
        return np.asarray(np.mean([every[layer][0, head].numpy() for layer, head in heads], axis=0))

    def _decoded(self, states: Array, text: Sequence[int], **wanted: bool) -> Any:
        from transformers.models.moonshine.modeling_moonshine import MoonshineEncoderModelOutput

        heard = MoonshineEncoderModelOutput(last_hidden_state=self._torch.from_numpy(states)[None])
        tokens = self._torch.tensor([list(text)])
        with self._torch.inference_mode():
            return self._model(encoder_outputs=heard, decoder_input_ids=tokens, use_cache=False, **wanted)
