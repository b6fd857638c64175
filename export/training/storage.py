"""Checkpoints: the small committed one in the hub's layout, and a run's whole state to go on from."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from export.training import alphabet
from export.training.initialisation import initialise
from export.training.model import Recogniser, Shape, adopt

BUNDLED = Path("export/bundled")
BEST = Path("var/asr/best")  # of the training that runs, or ran last
WEIGHTS = "model.safetensors"


def _config(shape: Shape) -> dict[str, Any]:
    """What Hugging Face's WhisperConfig reads."""
    return {
        "model_type": "whisper",
        "architectures": ["WhisperForConditionalGeneration"],
        "vocab_size": shape.tokens,
        "num_mel_bins": shape.mels,
        "d_model": shape.width,
        "encoder_layers": shape.encoder_layers,
        "decoder_layers": shape.decoder_layers,
        "encoder_attention_heads": shape.heads,
        "decoder_attention_heads": shape.heads,
        "encoder_ffn_dim": 4 * shape.width,
        "decoder_ffn_dim": 4 * shape.width,
        "max_source_positions": shape.source_positions,
        "max_target_positions": shape.target_positions,
        "pad_token_id": alphabet.END,
        "bos_token_id": alphabet.END,
        "eos_token_id": alphabet.END,
        "decoder_start_token_id": alphabet.START,
        "suppress_tokens": None,
        "begin_suppress_tokens": None,
        "activation_function": "gelu",
        "dropout": 0.0,
        "scale_embedding": False,
        "tie_word_embeddings": True,
    }


def _generation() -> dict[str, Any]:
    return {
        "bos_token_id": alphabet.END,
        "eos_token_id": alphabet.END,
        "pad_token_id": alphabet.END,
        "decoder_start_token_id": alphabet.START,
        "is_multilingual": True,
        "lang_to_id": {f"<|{language}|>": number for language, number in alphabet.LANGUAGE_IDS.items()},
        "task_to_id": {"transcribe": alphabet.TRANSCRIBE, "translate": alphabet.TRANSLATE},
        "no_timestamps_token_id": alphabet.NO_TIMESTAMPS,
        "no_speech_token_id": alphabet.NO_SPEECH,
    }


def _vocabulary() -> dict[str, Any]:
    return {
        "tokens": list(alphabet.TOKENS),
        "ctc": ["<blank>", *alphabet.ALPHABET],
        "languages": list(alphabet.LANGUAGES),
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def publish(model: Recogniser, folder: Path, facts: dict[str, Any]) -> None:
    """Write the checkpoint in half precision, with all that describes it; the weights come last, at once."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().half().contiguous() for name, value in model.state_dict().items()}
    unfinished = folder / f"{WEIGHTS}.unfinished"
    save_file(weights, unfinished, metadata={"format": "pt"})
    unfinished.chmod(0o644)  # safetensors keeps it to its owner
    _write_json(folder / "config.json", _config(model.shape))
    _write_json(folder / "generation_config.json", _generation())
    _write_json(folder / "vocabulary.json", _vocabulary())
    manifest = {
        "name": "bundled speech recogniser",
        "source": "trained from synthesized speech by export/training",
        "licence": "the repository's own",
        "languages": list(alphabet.LANGUAGES),
        "tasks": ["transcribe", "translate"],
        "sample_rate": 16000,
        "longest_seconds": 30,
        "piece_seconds": 2.5,  # joined sentences are heard far worse than single ones: cut at the pauses
        "wants_padding": False,
        "precision": "fp16",
        "parameters": sum(value.numel() for value in model.parameters()),
        "sha256": {WEIGHTS: sha256(unfinished)},
        "training": facts,
    }
    _write_json(folder / "manifest.json", manifest)
    unfinished.replace(folder / WEIGHTS)


def bundle(source: Path) -> None:
    """Commit to a judged checkpoint: all its files, so that weights and report are always of one another."""
    BUNDLED.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        shutil.copyfile(path, BUNDLED / path.name)


def fresh() -> Recogniser:
    """A model to be trained from the beginning."""
    model: Recogniser = initialise(Recogniser(_shape()))
    return model


def _shape(**sizes: int) -> Shape:
    return Shape(tokens=len(alphabet.TOKENS), ctc_classes=len(alphabet.ALPHABET) + 1, **sizes)


def load(folder: Path) -> Recogniser:
    """The checkpoint of a folder, in single precision."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    model: Recogniser = initialise(Recogniser(_shape(decoder_layers=config["decoder_layers"])))
    adopt(model, {name: value.float() for name, value in load_file(folder / WEIGHTS).items()})
    return model


def save_run(path: Path, state: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    torch.save(state, unfinished)
    unfinished.replace(path)
