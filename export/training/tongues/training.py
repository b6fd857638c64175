"""Trains a network on what synthesizers say meanwhile and on what people said, and keeps it.

python -m export.training.tongues.training --run B --fold telephones --kept 3 --added 2 --seconds 245

A fold names who is left out beside those in `export.people.recordings.TEST_SPEAKERS`: `telephones` all who speak for
exchanges, so that their prompts are a test; `nobody` none.
"""

import argparse
import copy
import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from export.training.tongues.bank import Bank, Batch, Sources, batches
from export.training.tongues.changes import heard
from export.training.tongues.gathering import EXCHANGES, FOLDER, unpack
from export.training.tongues.letters import UNTOLD
from export.training.tongues.network import PUBLISHED_LAYERS, Form, Tongues, frames, loss, scale_of
from export.training.tongues.speaking import SHARDS

FOLDS = {"telephones": EXCHANGES, "nobody": frozenset[str]()}
_PEOPLE_SHARE, _UNTOLD_SHARE = 0.25, 0.5
_NEW_RATE, _PUBLISHED_RATE, _DECAY, _MOST_GRADIENT = 1e-3, 4e-4, 0.02, 1.0
_WARM_STEPS, _AVERAGED = 200, 0.999
_PEOPLE_SECONDS = 30_000.0


@dataclass
class Progress:
    steps: int = 0
    heard_seconds: float = 0.0
    loss: float = 0.0  # a letter, of late


class Run:
    """A network while it learns, and the mean of what it lately was."""

    def __init__(self, network: Tongues, source: Iterator[Batch], seconds: float) -> None:
        self.network, self.progress = network, Progress()
        self._source, self._seconds, self._began = source, seconds, 0.0  # when it first learnt
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        new = [*network.layers[PUBLISHED_LAYERS:], network.output, network.languages]
        fresh = [parameter for module in new for parameter in module.parameters()]
        known = {id(parameter) for parameter in fresh}
        old = [each for each in network.parameters() if each.requires_grad and id(each) not in known]
        self._rates = (_NEW_RATE, _PUBLISHED_RATE)
        groups = [{"params": each, "lr": 0.0} for each in (fresh, old)]
        self._optimiser = torch.optim.AdamW(groups, weight_decay=_DECAY, betas=(0.9, 0.98))

    @property
    def spent_seconds(self) -> float:
        return time.monotonic() - self._began if self._began else 0.0

    @property
    def done(self) -> bool:
        return self.spent_seconds >= self._seconds

    def learn(self) -> None:
        """By the clock: as far along its schedule as its time is spent."""
        self._began = self._began or time.monotonic()
        scale = scale_of(self.progress.steps, _WARM_STEPS, self.spent_seconds / self._seconds)
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * scale
        value = self._loss(next(self._source))
        self._optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _MOST_GRADIENT)
        self._optimiser.step()
        keep = min(_AVERAGED, self.progress.steps / (self.progress.steps + 20))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - keep)
        self.progress.steps += 1
        if self.progress.steps % 20 == 1:  # to look is to wait
            self.progress.loss += (0.3 if self.progress.loss else 1) * (value.item() - self.progress.loss)

    def _loss(self, batch: Batch) -> Tensor:
        there = batch.lengths.to(batch.sounds.device, non_blocking=True)
        self.progress.heard_seconds += float(batch.lengths.sum()) / 16_000
        untold = torch.rand(len(there), device=there.device) < _UNTOLD_SHARE
        languages = batch.languages.masked_fill(untold, UNTOLD)
        with torch.autocast(there.device.type, torch.bfloat16, enabled=there.is_cuda):
            logits = self.network(heard(batch.sounds, there), there, languages, hide=True)
        return loss(logits, frames(batch.lengths), batch.texts)


def save(run: Run, path: Path) -> None:
    """What was trained, in half precision."""
    form = run.network.form
    facts = {"kept": form.kept, "added": form.added, "seconds": round(run.spent_seconds), **vars(run.progress)}
    state = {name: value for name, value in run.average.state_dict().items() if not _kept(name, form)}
    arrays = {name: value.half().cpu().numpy() for name, value in state.items()}
    np.savez(path, facts=np.array(json.dumps(facts)), **arrays)
    print(json.dumps(facts), flush=True)


def load(path: Path, encoder: Path) -> Tongues:
    """A kept network, over the published layers that it left as they are."""
    with np.load(path) as found:
        facts = json.loads(str(found["facts"]))
        network = Tongues(Form(facts["kept"], facts["added"]))
        network.take(dict(np.load(encoder)))
        own = network.state_dict()
        for name in found.files:
            if name != "facts":
                own[name].copy_(torch.from_numpy(found[name].astype(np.float32)))
    network.eval()
    return network


def _kept(name: str, form: Form) -> bool:
    if name.startswith("layers."):
        return int(name.split(".")[1]) < form.kept
    return name.startswith("front.")


def take(shards: Path, bank: Bank, most: int) -> None:
    """What the synthesizers have said since, as far as there is room for it."""
    for path in sorted(shards.glob("*.npz"))[:most]:
        with np.load(path) as shard:
            fits = bank.add(shard["sound"], json.loads(str(shard["facts"])))
        path.unlink()
        if not fits:
            return


def main(arguments: Sequence[str] | None = None) -> None:
    options = _options(arguments)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(options.seed)
    machines, people = Bank(options.most_hours * 3600, device), Bank(_PEOPLE_SECONDS, device)
    for speaker, spoken in unpack(options.folder, FOLDS[options.fold]):
        assert people.take(spoken), speaker
    while machines.seconds < options.first_hours * 3600:
        take(options.shards, machines, 50)
        time.sleep(0.05)
    network = Tongues(Form(options.kept, options.added))
    network.take(dict(np.load(options.folder / "encoder.npz")))
    rng = random.Random(f"{options.seed} {options.run}")
    source = batches(Sources(machines, people, _PEOPLE_SHARE), options.batch_seconds, rng)
    run = Run(network.to(device).train(), source, options.seconds)
    while not run.done:
        run.learn()
        if run.progress.steps % 5 == 0:
            take(options.shards, machines, 4)
        if run.progress.steps % 500 == 0:
            print(f"{run.spent_seconds:.0f} s: {run.progress}, {machines.seconds / 3600:.1f} h spoken", flush=True)
    save(run, options.folder / f"{options.run}.npz")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    name = "python -m export.training.tongues.training"
    parser = argparse.ArgumentParser(prog=name, description=__doc__.split("\n")[0])
    parser.add_argument("--run", required=True, help="its name")
    parser.add_argument("--fold", choices=FOLDS, default="telephones")
    parser.add_argument("--kept", type=int, default=3, help="published layers that stay as they are")
    parser.add_argument("--added", type=int, default=2, help="new layers behind the published ones")
    parser.add_argument("--seconds", type=float, default=245.0, help="to train for")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--shards", type=Path, default=SHARDS)
    parser.add_argument("--first-hours", type=float, default=15.0, help="of speech before it begins")
    parser.add_argument("--most-hours", type=float, default=120.0, help="of speech that are kept")
    parser.add_argument("--batch-seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
