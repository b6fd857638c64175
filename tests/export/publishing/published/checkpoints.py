"""Writes small random checkpoints in the hub's layout, by the reference implementation itself.

Run by the tests in .venv-export: python -m tests.export.publishing.published.checkpoints FOLDER KIND...
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    MoonshineConfig,
    MoonshineForConditionalGeneration,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

LANGUAGES = ("en", "zh", "de", "es", "haw")
MERGES = (("t", "h"), ("th", "e"), ("Ġ", "a"), ("Ġ", "t"), ("i", "n"))
TIMES = tuple(f"<|{step * 0.02:.2f}|>" for step in range(1501))
LETTERS = ("<pad>", "<s>", "</s>", "<unk>", "|", *"abcdefghijklmnopqrstuvwxyz'")
# Published: width, layers, heads, and how many tokens of text there are.
SHAPES = {"tiny": (384, 4, 6, 50257), "base": (512, 6, 8, 50257)}
SMALL = (64, 2, 4, 0)


def tokenizer(texts: int) -> Tokenizer:
    """Byte pairs as Whisper's, then its special tokens in their order; filled up to so many tokens of text."""
    vocabulary = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    for first, second in MERGES:
        vocabulary[first + second] = len(vocabulary)
    while len(vocabulary) < texts:
        vocabulary[f"Ġx{len(vocabulary)}"] = len(vocabulary)
    built = Tokenizer(models.BPE(vocab=vocabulary, merges=list(MERGES)))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    tasks = ("<|translate|>", "<|transcribe|>", "<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>")
    special = ("<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), *tasks, *TIMES)
    built.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return built


def generation(words: Tokenizer, multilingual: bool) -> dict[str, Any]:
    def number(token: str) -> int:
        return int(words.get_vocab()[f"<|{token}|>"])

    settings: dict[str, Any] = {
        "eos_token_id": number("endoftext"),
        "decoder_start_token_id": number("startoftranscript"),
        "no_timestamps_token_id": number("notimestamps"),
        "suppress_tokens": [1, 2, number("startoflm")],
        "begin_suppress_tokens": [number("endoftext")],
        "is_multilingual": multilingual,
        "alignment_heads": [[1, 0], [1, 2]],
    }
    if multilingual:
        settings["lang_to_id"] = {f"<|{code}|>": number(code) for code in LANGUAGES}
        settings["task_to_id"] = {task: number(task) for task in ("transcribe", "translate")}
    return settings


def whisper(folder: Path, kind: str) -> None:
    width, layers, heads, texts = SHAPES.get(kind, SMALL)
    words = tokenizer(texts)
    settings = generation(words, kind != "english")
    sizes = {f"{part}_{size}": value for part in ("encoder", "decoder") for size, value in
             (("layers", layers), ("attention_heads", heads), ("ffn_dim", 4 * width))}  # fmt: skip
    end = settings["eos_token_id"]
    config = WhisperConfig(
        vocab_size=words.get_vocab_size(),
        num_mel_bins=128 if kind == "mels128" else 80,
        d_model=width,
        pad_token_id=end,
        bos_token_id=end,
        eos_token_id=end,
        decoder_start_token_id=settings["decoder_start_token_id"],
        init_std=0.02 if kind in SHAPES else 0.2,
        **sizes,
    )
    model = WhisperForConditionalGeneration(config)
    if kind == "mels128":
        model = model.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size="100KB" if kind == "mels128" else "5GB")
    if kind == "pickled":
        (folder / "model.safetensors").unlink()
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    words.save(str(folder / "tokenizer.json"))
    (folder / "generation_config.json").write_text(json.dumps(settings))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: apache-2.0\n---\n# A test\n")


def wav2vec2(folder: Path, kind: str) -> None:
    layered = kind != "ctc-group"
    model = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(LETTERS),
            hidden_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=128,
            conv_dim=[32] * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=4,
            pad_token_id=0,
            feat_extract_norm="layer" if layered else "group",
            conv_bias=layered,
            do_stable_layer_norm=layered,
            initializer_range=0.2,
            adapter_attn_dim=8 if kind == "ctc-adapters" else None,
        )
    )
    model.save_pretrained(folder)
    vocabulary: dict[str, Any] = {letter: number for number, letter in enumerate(LETTERS)}
    if kind == "ctc-adapters":
        for code, factor in (("eng", 1.1), ("deu", 0.7)):
            adapter = {name: value.detach() * factor for name, value in model._get_adapters().items()}
            save_file(adapter, folder / f"adapter.{code}.safetensors")
        vocabulary = {"eng": vocabulary, "deu": vocabulary}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16_000}))


def byte_pairs() -> Tokenizer:
    """As Moonshine's: special tokens, bytes, pieces with their space as a letter, then special tokens again."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{value:02X}>" for value in range(256)), "▁", *"abcdefghijklm", "▁a", "ab"]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    model = models.BPE(
        vocab=vocabulary, merges=[("▁", "a"), ("a", "b")], unk_token="<unk>", fuse_unk=True, byte_fallback=True
    )
    built = Tokenizer(model)
    built.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    built.add_special_tokens(["<unk>", "<s>", "</s>", "<<ST_0>>", "<<ST_1>>"])
    return built


def moonshine(folder: Path) -> None:
    words = byte_pairs()
    sizes = {f"{part}_num_{size}": count for part in ("encoder", "decoder") for size, count in
             (("hidden_layers", 2), ("attention_heads", 4))}  # fmt: skip
    config = MoonshineConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=104,
        intermediate_size=160,
        max_position_embeddings=194,
        partial_rotary_factor=0.62,
        initializer_range=0.1,
        **sizes,
    )
    MoonshineForConditionalGeneration(config).save_pretrained(folder)
    words.save(str(folder / "tokenizer.json"))
    (folder / "README.md").write_text("---\nlanguage: en\nlicense: mit\n---\n# A test\n")


def main(root: Path, kinds: list[str]) -> None:
    for kind in kinds:
        torch.manual_seed(5)
        (root / kind).mkdir(parents=True)
        if kind == "moonshine":
            moonshine(root / kind)
        else:
            (wav2vec2 if kind.startswith("ctc") else whisper)(root / kind, kind)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
