"""`python -m export.parity.golden`, in .venv-export: what PyTorch makes of a few clips with the bundled weights.

The export has no PyTorch; it compares its graph with this file, which is committed beside the weights it belongs to.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from export.calibration.voices import Samples, Voice, speak
from export.parity.bundled import GOLDEN, forced
from export.training import alphabet, storage
from export.training.decoding import language_logits
from export.training.features import log_mel, mel_filters, power
from export.training.model import Recogniser

CLIPS = (
    ("en", Voice("espeak-ng", "Lee"), "the train leaves at noon", alphabet.TRANSCRIBE),
    ("de", Voice("espeak-ng", "linda"), "das museum schließt um sechs uhr", alphabet.TRANSCRIBE),
    ("it", Voice("espeak-ng", "rob"), "buongiorno", alphabet.TRANSLATE),
)
MOST_TOKENS = 60


def main() -> int:
    model = storage.load(storage.BUNDLED).eval()
    path = storage.BUNDLED / GOLDEN
    write(path, model, storage.sha256(storage.BUNDLED / storage.WEIGHTS))
    print(f"{path}: {path.stat().st_size} bytes")
    return 0


def write(path: Path, model: Recogniser, weights_sha256: str) -> None:
    arrays: dict[str, Any] = {"checksum": np.array(weights_sha256)}
    for number, (language, voice, text, task) in enumerate(CLIPS):
        prompt = [alphabet.START, alphabet.LANGUAGE_IDS[language], task, alphabet.NO_TIMESTAMPS]
        heard = listen(model, speak(voice, text, language), prompt)
        arrays |= {f"{name}_{number}": value for name, value in heard.items()}
    np.savez_compressed(path, **arrays)


def listen(model: Recogniser, samples: Samples, prompt: list[int]) -> Mapping[str, NDArray[Any]]:
    """Each generated token by a whole pass over all before it: nothing is kept that could be kept wrongly."""
    with torch.no_grad():
        return _listen(model, samples, prompt)


def _listen(model: Recogniser, samples: Samples, prompt: list[int]) -> Mapping[str, NDArray[Any]]:
    waveform = torch.tensor(samples[None].astype(np.float32) / 32768)
    hidden = model.encode(log_mel(power(waveform), mel_filters()))
    first = language_logits(model, hidden)[0]
    allowed = torch.zeros(len(first))
    allowed[alphabet.END + 1 :] = -torch.inf
    tokens = list(prompt)
    while len(tokens) < MOST_TOKENS and tokens[-1] != alphabet.END:
        tokens.append(int((model.decode(torch.tensor([tokens]), hidden)[0, -1] + allowed).argmax()))
    logits = model.decode(torch.tensor([tokens[:-1]]), hidden)[0]
    # The graph scores a prompt among all tokens and what it generates among those that may be.
    generated = torch.arange(1, len(tokens))[:, None] >= forced(tokens)
    scored = torch.where(generated, logits + allowed, logits).log_softmax(-1)
    chosen = scored.gather(1, torch.tensor(tokens[1:])[:, None])[:, 0]
    return {
        "samples": samples,
        "tokens": np.array(tokens, np.int32),
        "scores": chosen.numpy(),
        "ctc": model.classify(hidden)[0].log_softmax(-1).numpy(),
        "language": first[list(alphabet.LANGUAGE_IDS.values())].softmax(-1).numpy(),
        "no_speech": first.softmax(-1)[[alphabet.NO_SPEECH]].numpy(),
    }


if __name__ == "__main__":
    sys.exit(main())
