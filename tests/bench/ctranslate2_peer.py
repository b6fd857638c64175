"""CTranslate2, the engine of faster-whisper, on the same weights: a process of its own with an environment of its own.

It is given a folder with `weights.npz` (Hugging Face's names) and `config.json`, converts them, says "ready", and then
answers one line of JSON on standard input with one on standard output. Only its own packages are imported here.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import ctranslate2  # type: ignore[import-not-found]
import numpy as np
from ctranslate2.specs import common_spec, whisper_spec  # type: ignore[import-not-found]

RATE, WINDOW, HOP = 16_000, 400, 160


def main(folder: Path, compute_type: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    weights = dict(np.load(folder / "weights.npz"))
    convert(weights, config, folder / "converted", compute_type)
    model = ctranslate2.models.Whisper(
        str(folder / "converted"), device="cpu", compute_type=compute_type, intra_threads=1, inter_threads=1
    )
    answer("ready")
    for line in sys.stdin:
        answer(measure(model, json.loads(line), np.load(folder / "filters.npy")))


def answer(content: Any) -> None:
    print(json.dumps(content), flush=True)


def measure(model: Any, request: dict[str, Any], filters: Any) -> dict[str, Any]:
    """Processor seconds from samples to encoder states or to tokens, and the tokens."""
    samples = np.load(request["audio"])
    started = time.process_time()
    features = ctranslate2.StorageView.from_array(np.stack([log_mel(row, filters) for row in samples]))
    encoded = model.encode(features)
    if not request["tokens"]:
        np.asarray(encoded)  # it is ready
        return {"seconds": time.process_time() - started, "tokens": []}
    prompt = request["prompt"]
    results = model.generate(
        encoded,
        [prompt] * len(samples),
        beam_size=1,
        max_length=2 * request["tokens"],  # it halves this
        suppress_blank=False,
        suppress_tokens=request["suppressed"],
    )
    return {"seconds": time.process_time() - started, "tokens": [result.sequences_ids[0] for result in results]}


def log_mel(samples: Any, filters: Any) -> Any:
    """As faster-whisper has it, in numpy, over the length that is there."""
    padded = np.pad(samples.astype(np.float32) / 32768, WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:-1]
    spectrum = np.fft.rfft(frames * np.hanning(WINDOW + 1)[:-1].astype(np.float32))
    power = np.abs(spectrum).astype(np.float32) ** 2
    mel = np.log10(np.maximum(filters @ power.T, 1e-10))
    return np.ascontiguousarray((np.maximum(mel, mel.max() - 8) + 4) / 4, dtype=np.float32)


def convert(weights: dict[str, Any], config: dict[str, Any], folder: Path, compute_type: str) -> None:
    spec = whisper_spec.WhisperSpec(
        config["encoder_layers"],
        config["encoder_attention_heads"],
        config["decoder_layers"],
        config["decoder_attention_heads"],
    )
    for name in ("conv1", "conv2"):
        conv = getattr(spec.encoder, name)
        conv.weight, conv.bias = (weights[f"model.encoder.{name}.{part}"] for part in ("weight", "bias"))
    for stack in ("encoder", "decoder"):
        target = getattr(spec, stack)
        target.position_encodings.encodings = weights[f"model.{stack}.embed_positions.weight"]
        norm(target.layer_norm, weights, f"model.{stack}.layer_norm")
        for number, layer in enumerate(target.layer):
            convert_layer(layer, weights, f"model.{stack}.layers.{number}")
    spec.decoder.embeddings.weight = weights["model.decoder.embed_tokens.weight"]
    spec.decoder.scale_embeddings = 1.0
    spec.decoder.projection.weight = weights["model.decoder.embed_tokens.weight"]
    spec.register_vocabulary(config["vocabulary"])
    spec.config.suppress_ids, spec.config.suppress_ids_begin = [], []
    spec.config.lang_ids, spec.config.alignment_heads = config["languages"], [(0, 0)]
    spec.validate()
    spec.optimize(quantization=None if compute_type == "float32" else compute_type)
    folder.mkdir(exist_ok=True)
    spec.save(str(folder))


def convert_layer(layer: Any, weights: dict[str, Any], name: str) -> None:
    attend(layer.self_attention, weights, f"{name}.self_attn", ("qkv", "out"))
    if f"{name}.encoder_attn.q_proj.weight" in weights:
        attend(layer.attention, weights, f"{name}.encoder_attn", ("q", "kv", "out"))
    norm(layer.ffn.layer_norm, weights, f"{name}.final_layer_norm")
    for part, target in (("fc1", layer.ffn.linear_0), ("fc2", layer.ffn.linear_1)):
        target.weight, target.bias = weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"]


def attend(target: Any, weights: dict[str, Any], name: str, groups: tuple[str, ...]) -> None:
    norm(target.layer_norm, weights, f"{name}_layer_norm")
    for place, group in enumerate(groups):
        parts = [group] if group == "out" else list(group)
        matrices = [weights[f"{name}.{part}_proj.weight"] for part in parts]
        biases = [weights.get(f"{name}.{part}_proj.bias", np.zeros(len(matrices[0]), np.float32)) for part in parts]
        linear: common_spec.LinearSpec = target.linear[place]
        linear.weight, linear.bias = np.concatenate(matrices), np.concatenate(biases)


def norm(target: Any, weights: dict[str, Any], name: str) -> None:
    target.gamma, target.beta = weights[f"{name}.weight"], weights[f"{name}.bias"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
