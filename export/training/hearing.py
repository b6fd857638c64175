"""What the model makes of many sounds: language, text and translation, in batches of like lengths."""

from dataclasses import dataclass

import torch

from export.training import alphabet
from export.training.batches import padded
from export.training.decoding import greedy, language_logits
from export.training.engines import Samples
from export.training.features import log_mel, mel_filters, power
from export.training.model import Recogniser

_AUDIO_SECONDS = 120  # in a batch


@dataclass(frozen=True)
class Heard:
    language: str  # the likeliest
    speech: bool  # whether any language was likelier than no speech
    text: str
    english: str


class Listener:
    def __init__(self, model: Recogniser) -> None:
        self._model = model.eval()
        self._filters = mel_filters()

    def listen(self, sounds: list[Samples], languages: list[str], translate: bool = True) -> list[Heard]:
        """Text and translation in the given languages, and which language it would have been."""
        order = sorted(range(len(sounds)), key=lambda place: len(sounds[place]))
        heard: dict[int, Heard] = {}
        while order:
            count = max(1, _AUDIO_SECONDS * 16000 // max(1, len(sounds[order[min(len(order), 48) - 1]])))
            chosen, order = order[: min(count, 48)], order[min(count, 48) :]
            results = self._batch([sounds[i] for i in chosen], [languages[i] for i in chosen], translate)
            heard.update(zip(chosen, results, strict=True))
        return [heard[place] for place in range(len(sounds))]

    @torch.no_grad()
    def _batch(self, sounds: list[Samples], languages: list[str], translate: bool) -> list[Heard]:
        hidden = self._model.encode(log_mel(power(padded(sounds)), self._filters))
        first = language_logits(self._model, hidden)
        likeliest = first[:, list(alphabet.LANGUAGE_IDS.values())].max(-1)
        speech = (likeliest.values > first[:, alphabet.NO_SPEECH]).tolist()
        texts = greedy(self._model, hidden, languages, alphabet.TRANSCRIBE)
        english = greedy(self._model, hidden, languages, alphabet.TRANSLATE) if translate else [""] * len(sounds)
        found = [alphabet.LANGUAGES[place] for place in likeliest.indices.tolist()]
        return [Heard(*parts) for parts in zip(found, speech, texts, english, strict=True)]
