"""A whole training, of moments: python -m tests.export.training.tongues.trial FOLDER, in .venv-export.

What is learnt is noise, over an encoder of random weights. It writes how far the network is from the graph that
serves, and from itself alone when others are in its batch; how far a batch is from what was spoken; and what becomes of
the loss of one batch that is learnt again and again.
"""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch

from export.graphs.building import FLOAT, INT16, INT32, Graph
from export.graphs.moonshine.encoder import encode
from export.graphs.moonshine.front_end import convolve, extent
from export.graphs.moonshine.shape import expected
from export.graphs.sequence.layers import Layers
from export.sources.moonshine_wheel import SHAPE
from export.training.tongues import training
from export.training.tongues.bank import AROUND_SAMPLES, Bank, Batch, batch, whole
from export.training.tongues.letters import LANGUAGES, UNTOLD
from export.training.tongues.network import WIDTH, Form, Tongues, encoder_only, frames, loss
from export.training.tongues.speaking import Spoken, write

Sound = npt.NDArray[np.int16]
SAMPLES, STEPS = 20_000, 24
rng = np.random.default_rng(5)
weights = {name: rng.normal(0, 0.05, size).astype(np.float32) for name, size in expected(SHAPE).items()}


def noise(samples: int) -> Sound:
    return rng.integers(-3000, 3000, samples).astype(np.int16)


def from_graph(sound: Sound) -> float:
    """The largest difference of the encoder's frames."""
    graph = Graph("encoder")
    audio, asked = graph.input("AUDIO", INT16, ["batch", "samples"]), graph.input("LENGTH", INT32, ["batch", 1])
    layers = Layers(graph, weights, "fp32")
    length, real = extent(graph, audio, asked, SHAPE)
    heard = encode(layers, convolve(layers, audio, length, real), real, SHAPE)
    graph.output("FRAMES", heard.states, FLOAT, ["batch", "frames", WIDTH])
    session = onnxruntime.InferenceSession(graph.model().SerializeToString(), providers=["CPUExecutionProvider"])
    (served,) = session.run(None, {"AUDIO": sound[None], "LENGTH": np.array([[len(sound)]], np.int32)})
    network = Tongues(Form(0, 0)).eval()
    network.take(encoder_only(weights))
    network.output = torch.nn.Identity()
    lengths = torch.tensor([len(sound)])
    with torch.no_grad():
        mine = network(torch.from_numpy(sound)[None] / 32768, lengths, torch.tensor([UNTOLD]))[0]
    return float(np.abs(mine.numpy() - served[0, : int(frames(lengths))]).max())


def from_itself(network: Tongues, sound: Sound) -> float:
    batch = torch.zeros(2, 2 * SAMPLES)
    batch[0, :SAMPLES], batch[1] = torch.from_numpy(sound) / 32768, torch.from_numpy(noise(2 * SAMPLES)) / 32768
    lengths, languages = torch.tensor([SAMPLES, 2 * SAMPLES]), torch.tensor([0, 1])
    with torch.no_grad():
        alone = network(batch[:1, :SAMPLES], lengths[:1], languages[:1])[0]
        beside = network(batch, lengths, languages)[0]
    return float((alone - beside[: len(alone)]).abs().max())


def banked(count: int) -> Bank:
    bank = Bank(2 * count * SAMPLES / 16_000, torch.device("cpu"))
    bank.take([Spoken("it", "es war", noise(SAMPLES)) for _ in range(count)])
    return bank


def from_spoken() -> float:
    """The largest difference of a batch of the second of two pieces, as fast as it was said, from its samples."""
    bank = banked(2)
    row = whole(bank, "it", bank.pieces["it"][1])
    said = bank.samples[SAMPLES : 2 * SAMPLES].float() / 32768
    expected = torch.nn.functional.pad(said, (AROUND_SAMPLES, AROUND_SAMPLES))
    return float((batch([row], row.length).sounds[0] - expected).abs().max())


def learnt_again() -> tuple[float, float]:
    """The loss of a batch before and after some steps on it alone, of what is kept of a training."""
    torch.manual_seed(3)
    bank = banked(1)
    row = whole(bank, "it", bank.pieces["it"][0])
    same = batch([row, row], row.length)
    network = Tongues(Form(4, 1))
    network.take(encoder_only(weights))
    run = training.Run(network.train(), itertools.repeat(same), 3600)
    before = judged(run.average, same)
    for _ in range(STEPS):
        run.learn()
    return before, judged(run.average, same)


def judged(network: Tongues, seen: Batch) -> float:
    with torch.no_grad():
        return float(loss(network(seen.sounds, seen.lengths, seen.languages), frames(seen.lengths), seen.texts))


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    (folder / "people.json").write_text("[]")
    np.savez(folder / "encoder.npz", **encoder_only(weights))
    (folder / "shards").mkdir()
    write(folder / "shards/1.npz", [Spoken(language, "es war", noise(SAMPLES)) for language in LANGUAGES])
    form = ["--run", "trial", "--kept", "4", "--added", "1", "--seconds", "1", "--batch-seconds", "18"]
    hours = ["--first-hours", "0.001", "--most-hours", "0.01"]
    training.main([*form, "--folder", str(folder), "--shards", str(folder / "shards"), *hours])
    network = training.load(folder / "trial.npz", folder / "encoder.npz")
    learnt = float(network.languages.weight.detach().abs().max())  # nothing before
    sound = noise(SAMPLES)
    before, after = learnt_again()
    found = {"graph": from_graph(sound), "itself": from_itself(network, sound), "learnt": learnt}
    found |= {"spoken": from_spoken(), "before": before, "after": after}
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
