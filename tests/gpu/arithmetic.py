"""The matrix products and attentions of one token of a decoder, alone: half precision, in one captured CUDA graph.

What a token must cost at least by kernels that are there; PyTorch's, where PyTorch is.
"""

from __future__ import annotations

import importlib
from typing import Any

from tests.gpu.shapes import Recogniser

HEAD_WIDTH, PAST_TOKENS, REPLAYS = 64, 64, 200


def step_seconds(subject: Recogniser, batch: int) -> float | None:
    """None where there is no PyTorch with CUDA."""
    try:
        torch: Any = importlib.import_module("torch")
    except ImportError:
        return None
    if not torch.cuda.is_available():
        return None
    with torch.inference_mode():
        return float(_replayed(torch, _step(torch, subject, batch)))


def _step(torch: Any, subject: Recogniser, batch: int) -> Any:
    width, heads = subject.width, max(1, subject.width // HEAD_WIDTH)
    size = width // heads

    def array(*sizes: int) -> Any:
        return torch.randn(*sizes, device="cuda", dtype=torch.half) * 0.02

    layers = [
        {
            "square": [array(width, width) for _ in range(3)],
            "joined": array(3 * width, width),
            "inner": array(4 * width, width),
            "outer": array(width, 4 * width),
            "own": [array(batch, heads, PAST_TOKENS, size) for _ in range(2)],
            "heard": [array(batch, heads, subject.frames, size) for _ in range(2)],
        }
        for _ in range(subject.decoder_layers)
    ]
    vocabulary, state = array(subject.vocabulary, width), array(batch, width)
    attend, linear = torch.nn.functional.scaled_dot_product_attention, torch.nn.functional.linear

    def step() -> Any:
        x = state
        for layer in layers:
            query = linear(x, layer["joined"])[:, :width].reshape(batch, heads, 1, size)
            x = x + linear(attend(query, *layer["own"]).reshape(batch, width), layer["square"][0])
            query = linear(x, layer["square"][1]).reshape(batch, heads, 1, size)
            x = x + linear(attend(query, *layer["heard"]).reshape(batch, width), layer["square"][2])
            x = x + linear(torch.nn.functional.gelu(linear(x, layer["inner"])), layer["outer"])
        return linear(x, vocabulary).argmax(-1)

    return step


def _replayed(torch: Any, step: Any) -> float:
    aside = torch.cuda.Stream()
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    captured = torch.cuda.CUDAGraph()
    with torch.cuda.graph(captured):
        step()
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    captured.replay()
    begin.record()
    for _ in range(REPLAYS):
        captured.replay()
    end.record()
    torch.cuda.synchronize()
    return float(begin.elapsed_time(end)) / 1e3 / REPLAYS
