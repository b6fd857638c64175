"""Training the bundled recogniser: CTC on the encoder and cross-entropy of the decoder, one process a core.

    python -m export.training.training --steps 12000            # from random weights
    python -m export.training.training --steps 6000 --resume    # the run in var/asr goes on, else from export/bundled

The rate falls over the steps, never over time, and a step's batch follows from the seed, the rank and the step: a run
that was stopped, or waited, or was resumed learns the same.
"""

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from export.training import alphabet, storage
from export.training.batches import IGNORED, Batch, Mixture, Source
from export.training.initialisation import deepened
from export.training.model import Recogniser
from export.training.muon import Optimiser, together
from export.training.shards import recordings
from export.training.synthesis import SHARDS
from export.training.trial import Trial

RUN = Path("var/asr/run.pt")


@dataclass(frozen=True)
class Options:
    steps: int
    resume: bool
    seed: int
    processes: int
    port: int
    matrix_rate: float
    rate: float
    warmup_steps: int
    start_step: int
    save_seconds: float = 300
    trial_steps: int = 200
    ctc_share: float = 0.35
    misheard_share: float = 0.1
    guide_share: float = 0.05
    shifted_share: float = 0.3


def loss(model: Recogniser, batch: Batch, options: Options) -> tuple[Tensor, Tensor]:
    """The loss, and its parts: CTC per character, cross-entropy per token, and how far the guided heads look astray."""
    given = _misheard(batch.tokens[:, :-1], options.misheard_share)
    with torch.autocast("cpu", torch.bfloat16):  # a quarter quicker where the processor multiplies bfloat16
        hidden = model.encode(batch.mel)
        logits, astray = model.guide(given, hidden, batch.places, _shift(model, given, options.shifted_share))
    heard = model.classify(hidden.float()).log_softmax(-1).transpose(0, 1)
    lengths = torch.tensor([len(text) for text in batch.texts])
    letters = torch.tensor([number + 1 for text in batch.texts for number in alphabet.spell(text)], dtype=torch.long)
    frames = torch.full((len(batch.texts),), hidden.shape[1])
    ctc = F.ctc_loss(heard, letters, frames, lengths, zero_infinity=True, reduction="sum") / max(1, int(lengths.sum()))
    entropy = F.cross_entropy(logits.float().flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
    said = batch.places.any(2)
    guide = (astray * said).sum() / said.sum().clamp(min=1)
    total = options.ctc_share * ctc + (1 - options.ctc_share) * entropy + options.guide_share * guide
    return total, torch.stack([ctc.detach(), entropy.detach(), guide.detach()])


def _shift(model: Recogniser, tokens: Tensor, share: float) -> int:
    room = model.shape.target_positions - tokens.shape[1]
    return int(torch.rand(()) * room) if torch.rand(()) < share else 0


def _misheard(tokens: Tensor, share: float) -> Tensor:
    """Wrong characters before the next one: the decoder has to listen, not only to continue the text."""
    wrong = torch.rand(tokens.shape) < share
    wrong[:, :4] = False  # the prompt
    return torch.where(wrong, torch.randint(0, len(alphabet.ALPHABET), tokens.shape), tokens)


class Run:
    """One process's part of a training."""

    def __init__(self, options: Options, rank: int) -> None:
        self._options, self._rank = options, rank
        saved: dict[str, Any] = torch.load(RUN) if options.resume and RUN.exists() else {}
        self._model = self._start(saved)
        self._optimiser = Optimiser(self._model, options.matrix_rate, options.rate)
        if "optimiser" in saved:
            self._optimiser.load(saved["optimiser"])
        self._first = self._step = int(saved.get("step", options.start_step))
        self._best = float(saved.get("best", float("inf")))
        self._sums, self._since = torch.zeros(3), self._step

    def _start(self, saved: dict[str, Any]) -> Recogniser:
        if not self._options.resume:
            torch.manual_seed(self._options.seed)
            return storage.fresh()
        if saved:
            model = storage.fresh()
            model.load_state_dict(saved["model"])
            return model
        grown: Recogniser = deepened(storage.load(storage.BUNDLED), storage.fresh())
        return grown

    def train(self) -> None:
        options = self._options
        speech = recordings(SHARDS, "train-*") + recordings(SHARDS, "jumbles-*")
        source = Source(speech, Mixture(), options.seed, self._rank)
        trial = Trial(recordings(SHARDS, "dev-*")) if self._rank == 0 else None
        saved_at, began = time.process_time(), time.process_time()
        while self._step < options.steps:
            self._learn(source)
            if trial is None:
                continue
            if self._step % 50 == 0:
                self._say(time.process_time() - began)
            if self._step % options.trial_steps == 0 or self._step == options.steps:
                self._try(trial)
            if time.process_time() - saved_at > options.save_seconds or self._step == options.steps:
                saved_at = time.process_time()
                self._save()

    def _scale(self) -> float:
        warm = (self._step - self._first + 1) / self._options.warmup_steps
        return min(1.0, warm) * max(0.0, 1 - self._step / self._options.steps)

    def _learn(self, source: Source) -> None:
        torch.manual_seed(hash((self._options.seed, self._rank, self._step)))
        value, parts = loss(self._model, source.batch(self._step), self._options)
        value.backward()
        gradients = together([parameter.grad for parameter in self._optimiser.parameters])
        for parameter, gradient in zip(self._optimiser.parameters, gradients, strict=True):
            parameter.grad = gradient / self._options.processes
        self._optimiser.step(self._scale())
        self._step += 1
        self._sums += parts

    def _say(self, seconds: float) -> None:
        ctc, entropy, astray = (self._sums / (self._step - self._since)).tolist()
        pace = (self._step - self._first) / seconds
        print(
            f"step {self._step}/{self._options.steps}, ctc {ctc:.3f}, decoder {entropy:.3f}, astray {astray:.2f}, "
            f"rate {self._scale():.3f}, {pace:.2f} steps a CPU second",
            flush=True,
        )
        self._sums, self._since = torch.zeros(3), self._step

    def _try(self, trial: Trial) -> None:
        """Judge on the dev set, and publish the model when it is the best so far."""
        result = trial.judge(self._model)
        print(f"dev {result.described()}", flush=True)
        if result.badness < self._best:
            self._best = result.badness
            facts = {"step": self._step, "steps": self._options.steps, "seed": self._options.seed}
            storage.publish(self._model, storage.BEST, {**facts, "dev": result.figures})

    def _save(self) -> None:
        state = {"model": self._model.state_dict(), "optimiser": self._optimiser.state()}
        storage.save_run(RUN, {**state, "step": self._step, "best": self._best})


def _process(rank: int, options: Options) -> None:
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    random.seed(options.seed)
    np.random.seed(options.seed)
    if options.processes > 1:
        address = f"tcp://127.0.0.1:{options.port}"
        dist.init_process_group("gloo", init_method=address, rank=rank, world_size=options.processes)
    Run(options, rank).train()
    if options.processes > 1:
        dist.barrier()
        dist.destroy_process_group()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m export.training.training", description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, required=True, help="at which the rate has fallen to nothing")
    parser.add_argument("--resume", action="store_true", help="go on from var/asr/run.pt, else from export/bundled")
    parser.add_argument("--start-step", type=int, default=0, help="where on the schedule to start from a checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--port", type=int, default=29511, help="on which the processes find each other")
    parser.add_argument("--matrix-rate", type=float, default=0.02, help="Muon's")
    parser.add_argument("--rate", type=float, default=2e-3, help="AdamW's")
    parser.add_argument("--warmup-steps", type=int, default=150)
    options = Options(**vars(parser.parse_args()))
    if options.processes == 1:
        _process(0, options)
    else:
        multiprocessing.spawn(_process, args=(options,), nprocs=options.processes)


if __name__ == "__main__":
    main()
