"""`python -m export.parity.moonshine_golden FOLDER`, in .venv-export: what PyTorch makes of the wheel's weights.

The folder is moonshine_voice/assets/tiny-en, where .venv has it. The export has no PyTorch; it compares its graph with
what this writes, which is committed.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.calibration.voices import Samples, Voice, speak
from export.graphs.sequence.options import watched
from export.parity.bundled import forced
from export.parity.moonshine import GOLDEN
from export.parity.originals.moonshine import Original
from export.parity.originals.sequence import log_softmax
from export.sources.moonshine_wheel import CONFIG, DECODER, OPTIONS, SHAPE, MoonshineWheel

CLIPS = (
    (Voice("espeak-ng", "Lee"), "The train to the harbour leaves at noon from platform nine."),
    (Voice("espeak-ng", "linda"), "Good morning."),
    (Voice("espeak-ng", "rob"), "Please call me again tomorrow, if you have the time."),
)
MOST_TOKENS = 60


def main() -> int:
    wheel = MoonshineWheel(Path(sys.argv[1]))
    original = Original(CONFIG, wheel.weights)
    arrays: dict[str, Any] = {"checksum": np.array(wheel.sha256[DECODER])}
    for number, (voice, text) in enumerate(CLIPS):
        heard = listen(original, speak(voice, text, "en"))
        arrays |= {f"{name}_{number}": value for name, value in heard.items()}
    np.savez_compressed(GOLDEN, **arrays)
    print(f"{GOLDEN}: {GOLDEN.stat().st_size} bytes")
    return 0


def listen(original: Original, samples: Samples) -> Mapping[str, NDArray[Any]]:
    """Each token by a whole pass over all before it: nothing is kept that could be kept wrongly."""
    states = original.states(samples)
    tokens, suppressed = [OPTIONS.start], list(OPTIONS.suppressed)
    while len(tokens) < MOST_TOKENS and tokens[-1] != OPTIONS.end:
        logits = original.logits(states, tokens)[-1]
        logits[suppressed] = -np.inf
        tokens.append(int(logits.argmax()))
    logits = original.logits(states, tokens[:-1])
    # The graph scores a prompt among all tokens and what it generates among those that may be.
    logits[forced(tokens) - 1 :, suppressed] = -np.inf
    scores = log_softmax(logits)[np.arange(len(tokens) - 1), tokens[1:]]
    return {
        "samples": samples,
        "tokens": np.array(tokens, np.int32),
        "scores": scores.astype(np.float32),
        "looks": original.looks(states, tokens[:-1], watched(SHAPE, OPTIONS)).astype(np.float32),
    }


if __name__ == "__main__":
    sys.exit(main())
