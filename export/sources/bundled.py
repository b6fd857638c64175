"""The bundled recogniser (export/bundled): its checkpoint as arrays, its tokens, and what its `asr` versions tell."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from export.failure import ExportError
from export.graphs.building import identity
from export.graphs.sequence.options import GraphOptions, Precision, Weights
from export.graphs.whisper.shape import CTC_HEAD, Shape, alignment, checked
from export.publishing.asr_version import GUARDS, Provenance, Recogniser, Tokens
from export.sources.letter_tokenizer import character_tokenizer
from export.sources.safetensors import read_arrays

CONFIG, GENERATION, VOCABULARY, WEIGHTS = (
    "config.json",
    "generation_config.json",
    "vocabulary.json",
    "model.safetensors",
)
FACTS, CALIBRATION = "manifest.json", "calibration.json"
MADE_OF = (CONFIG, GENERATION, VOCABULARY, WEIGHTS)
FRONT_END = {"full_scale": 32768, "window_samples": 400, "hop_samples": 160, "filters": "slaney"}
# A letter is a token here: nobody says more of them in a second. That nobody speaks is trained, so the model is
# believed in that even where it is sure of a text.
_GUARDS = {"tokens_per_second": 25.0, **{name: GUARDS[name] for name in ("no_speech_probability", "compression_ratio")}}


@dataclass(frozen=True)
class Bundle:
    """A folder in the hub's layout with a vocabulary of letters."""

    folder: Path
    precision: Precision = "fp32"

    @cached_property
    def weights(self) -> Weights:
        if self._json(FACTS)["sha256"][WEIGHTS] != self.weights_sha256:
            raise ExportError(
                f"{self.folder / WEIGHTS} is not the file of {FACTS} beside it: git checkout export/bundled"
            )
        weights = read_arrays(self.folder / WEIGHTS)
        checked(weights, self.shape)
        return weights

    @cached_property
    def shape(self) -> Shape:
        return Shape.from_config(self._json(CONFIG))

    @cached_property
    def vocabulary(self) -> list[str]:
        return list(self._json(VOCABULARY)["tokens"])

    @cached_property
    def tokens(self) -> Tokens:
        generation, ids = self._json(GENERATION), {token: number for number, token in enumerate(self.vocabulary)}
        languages = {code.strip("<|>"): number for code, number in generation["lang_to_id"].items()}
        tokens = Tokens(
            end=generation["eos_token_id"],
            first_special=min(number for token, number in ids.items() if len(token) > 1),
            start=generation["decoder_start_token_id"],
            no_timestamps=generation["no_timestamps_token_id"],
            no_speech=generation["no_speech_token_id"],
            previous=ids.get("<|startofprev|>"),
            languages=languages,
            tasks=generation["task_to_id"],
        )
        if len(self.vocabulary) != self.shape.vocabulary or ids.get("<|endoftext|>") != tokens.end:
            raise ExportError(f"{self.folder / VOCABULARY} is not the one of the weights beside it")
        return tokens

    @property
    def options(self) -> GraphOptions:
        tokens = self.tokens
        assert tokens.start is not None
        assert tokens.end is not None
        assert tokens.languages is not None
        special = set(range(tokens.first_special, self.shape.vocabulary)) - {tokens.end}
        return GraphOptions(
            start=tokens.start,
            end=tokens.end,
            no_speech=tokens.no_speech,
            languages=tuple(tokens.languages.values()),
            suppressed=tuple(sorted(special)),
            precision=self.precision,
        )

    @property
    def graph_identity(self) -> str:
        return identity(self.weights, {**FRONT_END, "precision": self.precision})

    @cached_property
    def weights_sha256(self) -> str:
        return hashlib.sha256((self.folder / WEIGHTS).read_bytes()).hexdigest()

    def provenance(self, recipe: str, parity: Mapping[str, Any]) -> Provenance:
        facts = self._json(FACTS)
        hashes = {name: hashlib.sha256((self.folder / name).read_bytes()).hexdigest() for name in MADE_OF}
        return Provenance(recipe, facts["source"], facts["licence"], self.precision, hashes, dict(parity))

    def recogniser(self, recipe: str, parity: Mapping[str, Any]) -> Recogniser:
        """What `asr` and `language_id` tell about these weights."""
        calibration = self._calibration()
        languages, tasks = self.tokens.languages, self.tokens.tasks
        assert languages is not None
        assert tasks is not None
        return Recogniser(
            family="whisper",
            identity=self.graph_identity,
            provenance=self.provenance(recipe, parity),
            languages=list(languages),
            tasks=sorted(tasks),
            tokens=self.tokens,
            tokenizer=character_tokenizer(self.vocabulary).decode(),
            max_tokens=self.shape.target_positions,
            piece_seconds=float(self._json(FACTS)["piece_seconds"]),
            wants_padding=bool(self._json(FACTS)["wants_padding"]),
            alignment=alignment(self.weights),
            ctc=self._ctc(),
            word_offset_seconds=float(calibration.get("word_offset_seconds", 0.0)),
            guards={**_GUARDS, **calibration.get("guards", {})},
            confidence=calibration.get("confidence"),
            language_temperature=float(calibration.get("language_temperature", 1.0)),
            # It knows synthesizers' speech, and writes words of engines, animals and songs.
            voice_activity="vad",
            trusts_detection=True,
        )

    def _ctc(self) -> Mapping[str, Any] | None:
        if f"{CTC_HEAD}.weight" not in self.weights:
            return None
        _blank, *letters = self._json(VOCABULARY)["ctc"]
        classes = {str(self.vocabulary.index(letter)): number for number, letter in enumerate(letters, 1)}
        return {"blank": 0, "classes": classes}

    def _calibration(self) -> Mapping[str, Any]:
        """What was measured with these very weights; nothing where nothing was."""
        if not (self.folder / CALIBRATION).exists():
            return {}
        measured = self._json(CALIBRATION)
        if measured["sha256"] != self.weights_sha256:
            raise ExportError(f"{self.folder / CALIBRATION} is of other weights: measure again, or delete it")
        return measured

    def _json(self, name: str) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except (OSError, ValueError) as error:
            raise ExportError(f"{self.folder / name} cannot be read ({error}): git checkout export/bundled") from error
        return content
