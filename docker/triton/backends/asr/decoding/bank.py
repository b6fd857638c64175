"""The memory of a batch: what lies between the graphs, and what one step takes and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .device import CPU, NO_GRAPH, Array, Device

ROOMS, MEMORIES, MASK, LOOKS = ("KEY_", "VALUE_"), "MEMORY_", "MASK", "LOOKS"
FILLED = "NEXT_"  # a room with the new tokens in it, a row that was taken along
KINDS = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


@dataclass
class Bank:
    """Of so many rows. On a GPU it is kept from call to call, so that a captured graph finds it where it was."""

    device: Device
    rows: int
    number: int  # of its captured graph
    values: dict[str, Any] = field(default_factory=dict)  # ONNX Runtime's own tensors: memories, mask and rooms
    fed: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)
    binding: Any = None

    def furnish(self, step: Any) -> None:
        """Rooms with nothing in them: what is not looked at must be a number all the same."""
        for item in step.get_inputs():
            if item.name.startswith(ROOMS) and item.name not in self.values:
                self.values[item.name] = self.device.put(np.zeros([self.rows, *item.shape[1:]], KINDS[item.type]))

    def run(self, session: Any, feeds: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, Array]:
        """Keeps the outputs that are named here, each under its own name; the others are answered."""
        binding = session.io_binding()
        for name, value in feeds.items():
            binding.bind_ortvalue_input(name, value)
        every = [output.name for output in session.get_outputs()]
        for name in every:
            own = self.values.get(kept.get(name, ""))
            if own is not None:
                binding.bind_ortvalue_output(name, own)
            else:
                binding.bind_output(name, self.device.kind if name in kept else CPU)
        session.run_with_iobinding(binding, self.device.options(NO_GRAPH))
        found = dict(zip(every, binding.get_outputs(), strict=True))
        # What was there already keeps alive the array whose memory it is.
        self.values = {own: found[name] for name, own in kept.items()} | self.values
        return {name: value.numpy() for name, value in found.items() if name not in kept}

    def pass_through(self, step: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Of many tokens at once, whatever their number."""
        feeds = {name: self.device.put(array) for name, array in inputs.items()}
        return self.run(step, {**feeds, **self.values}, self._filled)

    def step(self, step: Any, tokens: Array, positions: Array) -> dict[str, Any]:
        """Of one token a row, all tensors where they were the last time."""
        if self.binding is None:
            self._bind(step)
        self.fed["TOKEN"].update_inplace(tokens[:, None])
        self.fed["POSITION"].update_inplace(positions[:, None])
        step.run_with_iobinding(self.binding, self.device.options(str(self.number)))
        return self.told

    @property
    def _filled(self) -> dict[str, str]:
        return {f"{FILLED}{name}": name for name in self.values if name.startswith(ROOMS)}

    def _bind(self, step: Any) -> None:
        column, row = np.zeros((self.rows, 1), np.int64), np.ones(self.rows, np.int64)
        firsts = {"TOKEN": column, "POSITION": column, "CHOSEN": column, "FOLLOWING": column, "LATER": row}
        self.fed = {name: self.device.put(array.copy()) for name, array in firsts.items()}
        self.told = {name: self.device.empty((self.rows,), kind)
                     for name, kind in (("NEXT", np.int64), ("SCORE", np.float32))}  # fmt: skip
        if LOOKS in {output.name for output in step.get_outputs()}:
            frames = self.values[MASK].shape()[1]
            self.told[LOOKS] = self.device.empty((self.rows, 1, frames), np.float32)
        self.binding = step.io_binding()
        for name, value in {**self.values, **self.fed}.items():
            self.binding.bind_ortvalue_input(name, value)
        for name, own in self._filled.items():
            self.binding.bind_ortvalue_output(name, self.values[own])
        for name, value in self.told.items():
            self.binding.bind_ortvalue_output(name, value)
