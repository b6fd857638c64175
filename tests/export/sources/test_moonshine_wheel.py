"""Moonshine out of its authors' wheel: only the very files that were published, read as data."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from export.failure import ExportError
from export.publishing.recipes import MOONSHINE
from export.sources.byte_pairs import byte_pair_tokenizer
from export.sources.moonshine_wheel import DECODER, ENCODER, VOCABULARY, MoonshineWheel, pieces
from export.sources.ort_format import read_graph


@pytest.fixture(scope="module")
def wheel() -> MoonshineWheel:
    return MoonshineWheel(MOONSHINE.source.locate().parent)


@pytest.fixture(scope="module")
def tokenizer(wheel: MoonshineWheel) -> Tokenizer:
    return Tokenizer.from_str(wheel.tokenizer)


def test_int8_weights_become_named_arrays(wheel: MoonshineWheel) -> None:
    weights = wheel.weights
    assert len(weights) == 160
    matrix = weights["model.decoder.layers.3.encoder_attn.q_proj.weight"]
    steps = np.unique(matrix)
    assert len(steps) <= 256
    # One scale a tensor: all differences are multiples of one.
    np.testing.assert_allclose(np.diff(steps) / np.diff(steps).min() % 1, 0, atol=2e-3)
    assert weights["model.encoder.groupnorm.weight"].std() > 0.01


@pytest.mark.parametrize("name", [ENCODER, DECODER, VOCABULARY])
def test_a_file_that_is_not_the_published_one_is_refused(wheel: MoonshineWheel, tmp_path: Path, name: str) -> None:
    folder = Path(shutil.copytree(wheel.folder, tmp_path / "tiny-en"))
    with (folder / name).open("r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(ExportError, match=rf"{name} is not the file of moonshine-voice 0\.1\.0"):
        _ = MoonshineWheel(folder).weights
    (folder / name).unlink()
    with pytest.raises(ExportError, match=f"{name} cannot be read"):
        _ = MoonshineWheel(folder).tokenizer


def test_a_truncated_graph_is_told_as_one(wheel: MoonshineWheel, tmp_path: Path) -> None:
    path = tmp_path / ENCODER
    path.write_bytes((wheel.folder / ENCODER).read_bytes()[:100_000])
    with pytest.raises(ExportError, match=r"encoder_model\.ort cannot be read as a graph of ONNX Runtime"):
        read_graph(path)


def test_a_truncated_vocabulary_is_told_as_one() -> None:
    assert pieces(b"\x02ab\x00\x80\x01" + b"x" * 128) == [b"ab", b"", b"x" * 128]
    for content in (b"\x02a", b"\x80", b"\x85\x01abc"):
        with pytest.raises(ExportError, match=r"tokenizer\.bin is truncated"):
            pieces(content)


@pytest.mark.parametrize(
    ("wrong", "message"), [([b"<unk>", b"a", b"b"], "no bytes from 3 on"), ([b"\xff"] * 300, "no text")]
)
def test_a_vocabulary_of_another_model_is_told_as_one(wrong: list[bytes], message: str) -> None:
    with pytest.raises(ExportError, match=message):
        byte_pair_tokenizer(wrong, first_byte=3, first_special=32_000)


@pytest.mark.parametrize(
    "text", ["It was the best of times, it was the worst of times.", "naïve façade", "a", "100%", "no 日本 here"]
)
def test_a_text_is_spelled_and_read_again(tokenizer: Tokenizer, text: str) -> None:
    found = tokenizer.encode(text, add_special_tokens=False).ids
    assert tokenizer.decode(found) == f" {text}"
    assert len(found) <= len(text.encode()) + 1  # of the first space


def test_common_words_are_one_piece_each(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("the first time was good").tokens == ["▁the", "▁first", "▁time", "▁was", "▁good"]


def test_the_name_of_a_special_token_in_a_text_is_letters_like_any_other(tokenizer: Tokenizer) -> None:
    assert min(tokenizer.encode("say <s> and </s> and <<ST_5>>").ids) > 2
    assert max(tokenizer.encode("say <s> and </s> and <<ST_5>>").ids) < 32_000
