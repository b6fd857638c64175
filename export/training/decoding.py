"""Greedy decoding with the trained model, batched."""

import torch
from torch import Tensor

from export.training import alphabet
from export.training.model import Decoder, Memory, Recogniser

# Characters a second that nobody reaches, and a few for the shortest sounds.
_CHARACTERS_PER_SECOND, _CHARACTERS_AT_LEAST = 25, 16


class Continuation:
    """The decoder beside one batch of encoded sounds, remembering what it said."""

    def __init__(self, decoder: Decoder, hidden: Tensor) -> None:
        self._decoder = decoder
        self._heard: list[Memory] = [layer.encoder_attn.remember(hidden) for layer in decoder.layers]
        self._past: list[Memory | None] = [None] * len(self._heard)
        self._length = 0

    def logits(self, tokens: Tensor) -> Tensor:
        """The logits after these tokens, which follow those given before."""
        positions = self._decoder.embed_positions.weight[self._length : self._length + tokens.shape[1]]
        x = self._decoder.embed_tokens(tokens) + positions
        for place, layer in enumerate(self._decoder.layers):
            x, self._past[place] = layer.step(x, self._past[place], self._heard[place])
        self._length += tokens.shape[1]
        return self._decoder.layer_norm(x[:, -1]) @ self._decoder.embed_tokens.weight.T


@torch.no_grad()
def language_logits(model: Recogniser, hidden: Tensor) -> Tensor:
    """The logits of the first token, [batch, tokens]: languages and no speech."""
    start = torch.full((len(hidden), 1), alphabet.START)
    return Continuation(model.decoder, hidden).logits(start)


@torch.no_grad()
def greedy(model: Recogniser, hidden: Tensor, languages: list[str], task: int) -> list[str]:
    """The text of each sound in its given language."""
    prompts = [[alphabet.START, alphabet.LANGUAGE_IDS[x], task, alphabet.NO_TIMESTAMPS] for x in languages]
    limit = min(
        model.shape.target_positions - len(prompts[0]),
        _CHARACTERS_AT_LEAST + hidden.shape[1] * _CHARACTERS_PER_SECOND // 50,
    )
    continuation, given = Continuation(model.decoder, hidden), torch.tensor(prompts)
    said, ended = [], torch.zeros(len(prompts), dtype=torch.bool)
    for _ in range(limit):
        best = continuation.logits(given).argmax(-1).masked_fill(ended, alphabet.END)
        ended |= best == alphabet.END
        said.append(best)
        given = best[:, None]
        if ended.all():
            break
    return [alphabet.read(tokens) for tokens in torch.stack(said, 1).tolist()]
