"""The driver: hears a batch once, reads its prompts in one pass, then writes a token of each row that is not done.

It takes and gives the tensors of the internal graph (model_repository/whisper/config.pbtxt), so that who calls the one
can call the other. Rows that are done leave when the rest fits into fewer seats.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .asked import Array, Asked, Facts
from .bank import FILLED, LOOKS, MASK, MEMORIES, Bank
from .device import Device
from .text import Text

ENCODER_FILE, STEP_FILE, ROWS_FILE = "encoder.onnx", "step.onnx", "rows.onnx"
FACTS = "recogniser"  # of the step graph's metadata


@dataclass(frozen=True)
class Opening:
    """What is known before anything is written."""

    heard: Mapping[str, Array]  # by the encoder
    languages: Mapping[str, Array]  # by the pass for the language, or by the prompt's
    prompt: Mapping[str, Array]
    given: Array  # [rows, places]


class Steps:
    """One caller after the other: what a step goes in and out by is there once a size."""

    def __init__(self, folder: Path, device: Device) -> None:
        self._device = device
        self._encoder = device.session(folder / ENCODER_FILE)
        self._step = device.session(folder / STEP_FILE, steps=True)
        self._rows = device.session(folder / ROWS_FILE)
        room = next(item for item in self._step.get_inputs() if item.name == "KEY_0")
        told = json.loads(self._step.get_modelmeta().custom_metadata_map[FACTS])
        self._facts = Facts(**told, positions=room.shape[2])
        self._banks: dict[tuple[int, int], Bank] = {}
        self._turn = threading.Lock()

    def answer(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        with self._turn:
            return self._answer(inputs, outputs)

    def _answer(self, inputs: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        asked = Asked.read(inputs, self._facts)
        rows, samples = inputs["AUDIO"].shape
        size = self._device.samples(max(1, samples))
        bank = self._bank(self._device.seats(rows), size)
        opening = self._open(bank, asked, self._hear(bank, inputs, size))
        text = Text(asked)
        text.add(np.arange(rows), opening.prompt["NEXT"], opening.prompt["SCORE"])
        looks = "ALIGNMENT" in outputs and LOOKS in opening.prompt
        self._write(bank, text, (size, looks))
        every = _answers(text, opening)
        if looks:
            every["ALIGNMENT"] = text.alignment(opening.prompt[LOOKS], int(opening.heard["FRAMES"].max()))
        return {name: every[name] for name in outputs if name in every}

    def _bank(self, seats: int, size: int) -> Bank:
        """Where sizes are not filled up, memory is new each time, of as many frames as there are."""
        key = seats, size
        bank = self._banks.get(key) or Bank(self._device, seats, len(self._banks))
        if self._device.sized:
            self._banks[key] = bank
        bank.furnish(self._step)
        return bank

    def _hear(self, bank: Bank, inputs: Mapping[str, Array], size: int) -> dict[str, Array]:
        rows, samples = inputs["AUDIO"].shape
        audio, length = np.zeros((bank.rows, size), np.int16), np.zeros((bank.rows, 1), np.int32)
        audio[:rows, :samples] = inputs["AUDIO"]
        length[:rows] = np.clip(inputs["LENGTH"], 0, samples)
        kept = [item.name for item in self._encoder.get_outputs() if item.name.startswith((MEMORIES, MASK))]
        feeds = {"AUDIO": self._device.put(audio), "LENGTH": self._device.put(length)}
        heard = bank.run(self._encoder, feeds, dict(zip(kept, kept, strict=True)))
        return {name: array[:rows] for name, array in heard.items()}

    def _open(self, bank: Bank, asked: Asked, heard: Mapping[str, Array]) -> Opening:
        rows, tokens = len(asked.length), asked.tokens
        languages = None
        if asked.separate:
            first = np.full((rows, 1), self._facts.start, np.int64)
            zero = np.zeros((rows, 1), np.int64)
            languages = self._pass(bank, first, (zero, zero), zero[:, 0])
        if languages is not None and self._facts.languages:
            tokens = asked.filled(languages["LANGUAGE"])
        tokens = np.maximum(tokens, 0)[:, : int(asked.length.max())]
        places, following = asked.judged(tokens)
        prompt = self._pass(bank, tokens, (places, following), asked.later(tokens))
        return Opening(heard, languages or prompt, prompt, asked.spread(prompt["GIVEN"]))

    def _pass(self, bank: Bank, tokens: Array, judged: tuple[Array, Array], later: Array) -> dict[str, Array]:
        rows, places = tokens.shape
        positions = np.tile(np.arange(places), (rows, 1))
        named = ("TOKEN", "POSITION", "CHOSEN", "FOLLOWING", "LATER")
        inputs = dict(zip(named, (tokens, positions, *judged, later), strict=True))
        seated = {name: _seated(array, bank.rows) for name, array in inputs.items()}
        return {name: array[:rows] for name, array in bank.pass_through(self._step, seated).items()}

    def _write(self, bank: Bank, text: Text, how: tuple[int, bool]) -> None:
        """`how`: for how many samples there is memory, and whether it matters where the decoder looks."""
        size, looks = how
        seated = np.resize(np.arange(len(text.done)), bank.rows)  # which row sits where
        while len(text.alive):
            seats = self._device.seats(len(text.alive))
            if seats < bank.rows:
                places = np.resize(np.flatnonzero(np.isin(seated, text.alive) & _first(seated)), seats)
                bank, seated = self._taken_along(bank, places, size), seated[places]
            told = bank.step(self._step, text.tokens[-1][seated], text.positions[seated])
            if looks:
                text.look(seated, told[LOOKS].numpy()[:, 0])
            text.add(seated, told["NEXT"].numpy(), told["SCORE"].numpy())

    def _taken_along(self, bank: Bank, places: Array, size: int) -> Bank:
        smaller = self._bank(len(places), size)
        feeds = {"ROWS": self._device.put(places.astype(np.int64)), **bank.values}
        smaller.run(self._rows, feeds, {f"{FILLED}{name}": name for name in bank.values})
        return smaller


def _seated(array: Array, seats: int) -> Array:
    """Rows for all seats: who is not there says what the first one says."""
    return np.concatenate([array, np.repeat(array[:1], seats - len(array), axis=0)])


def _first(seated: Array) -> Array:
    """Whether a row sits there for the first time: what fills the seats up sits there again."""
    first = np.zeros(len(seated), bool)
    first[np.unique(seated, return_index=True)[1]] = True
    return first


def _answers(text: Text, opening: Opening) -> dict[str, Array]:
    rows = len(text.done)
    told = {"LANGUAGE": np.ones((rows, 1), np.float32), "NO_SPEECH": np.zeros((rows, 1), np.float32)}
    for name in told:
        told[name] = opening.heard.get(name, opening.languages.get(name, told[name]))
    return {
        "TOKEN": np.stack(text.tokens, axis=1).astype(np.int32),
        "LOG_PROBABILITY": np.stack(text.scores, axis=1),
        "PROMPT_LOG_PROBABILITY": opening.given,
        **told,
        **({"ALIGNMENT": opening.heard["ALIGNMENT"]} if "ALIGNMENT" in opening.heard else {}),
    }
