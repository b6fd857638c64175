"""`vad`: the graph against the published model, and through Triton against the graph alone, for batches of many sizes.

All three answer the same streams in step, in turns, and what counts is processor time: of this process for the bare
ones, of tritonserver and the model's stub for Triton. What the caller itself needs for a call is not in it. This Triton
has only `vad`: the probes of other models would count as its work.
"""

import contextlib
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from matplotlib.figure import Figure as Drawing
from tritonclient.grpc import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import np_to_triton_dtype

from export.calibration.voices import SAMPLE_RATE
from export.graphs.runtime import Inputs, Runner
from export.graphs.vad import CONTEXT_SAMPLES, WINDOW_SAMPLES
from export.parity.vad import ORIGINAL_FILE
from export.publishing.recipes import RECIPES
from tests.bench import bars, material
from tests.bench.bare_model import OUTPUTS, Answers, Array, BareModel, in_step
from tests.bench.processor_time import process_seconds
from tests.bench.result import Figure, Result
from tests.bench.stage import REPOSITORY, Bench, progress
from tests.triton_server import TritonAddress, running_triton

_FULL_ROWS = 64
_ROWS = (1, 4, 16, _FULL_ROWS)
_TRACKS, _TRACK_SECONDS = 8, 4.0
_ROUNDS = 11
_NAMES = {"published": "published model", "bare": "the graph alone", "triton": "the graph in Triton"}


@dataclass(frozen=True)
class _Case:
    """So many streams whose clients send so much audio a message."""

    rows: int
    chunk_seconds: float = 0.1

    def __str__(self) -> str:
        return f"{self.rows} x {self.chunk_seconds * 1000:g} ms"


_CASES = (*map(_Case, _ROWS), _Case(_FULL_ROWS, 0.02))
Costs = Mapping[str, Sequence[float]]  # processor seconds a stream-second, round by round


def measure(bench: Bench) -> Result:
    speech = [material.track(number, _TRACK_SECONDS) for number in progress(range(_TRACKS), "speaking")]
    tracks = [np.roll(speech[number % _TRACKS], number * SAMPLE_RATE) for number in range(_FULL_ROWS)]
    costs: dict[_Case, dict[str, list[float]]] = {case: {name: [] for name in _NAMES} for case in _CASES}
    with _served() as (client, triton):
        players: dict[str, tuple[Answers, Callable[[], float]]] = {
            "published": (_Published().answer, time.process_time),
            "bare": (BareModel(REPOSITORY).answer, time.process_time),
            "triton": (lambda inputs: _ask(client, inputs), lambda: _triton_seconds(triton)),
        }
        for case in progress(_CASES * (_ROUNDS + 1), "in turns"):
            for name, (answer, clock) in players.items():
                started = clock()
                stream_seconds = in_step(tracks[: case.rows], answer, case.chunk_seconds)
                costs[case][name].append((clock() - started) / stream_seconds)
    for case in _CASES:
        costs[case] = {name: rounds[1:] for name, rounds in costs[case].items()}  # the first warmed up
    _draw(bench, costs)
    details = {str(case): costs[case] for case in _CASES}
    return Result("vad", [figure for case in _CASES for figure in _figures(case, costs[case])], details)


@contextlib.contextmanager
def _served() -> Iterator[tuple[InferenceServerClient, TritonAddress]]:
    with TemporaryDirectory() as folder:
        repository = Path(folder, "repository")
        shutil.copytree(REPOSITORY / "vad", repository / "vad")
        with (
            running_triton(repository, Path(folder, "state")) as triton,
            InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client,
        ):
            yield client, triton


def _figures(case: _Case, costs: Costs) -> list[Figure]:
    """Of the medians of all rounds."""
    published, bare, triton = (statistics.median(costs[name]) for name in _NAMES)
    full = case == _Case(_FULL_ROWS)
    note = (
        f"{published * 1000:.2f} published, {bare * 1000:.2f} alone, {triton * 1000:.2f} ms a stream-second in Triton"
    )
    graph_bar, triton_bar = (bars.VAD_GRAPH, bars.VAD_IN_TRITON) if full else (None, None)
    return [
        Figure(f"graph against published, {case}", published / bare, "times", graph_bar, note),
        Figure(f"in Triton against alone, {case}", bare / triton, "times", triton_bar),
    ]


class _Published:
    """The model as its package calls it: one window of each stream a call, with its state and the samples before it."""

    def __init__(self) -> None:
        self._runner = Runner(RECIPES["vad"].source.locate().with_name(ORIGINAL_FILE))

    def answer(self, inputs: Inputs) -> tuple[Array, Array]:
        context, state = inputs["CONTEXT"], inputs["STATE"].transpose(1, 0, 2)
        rate = np.array(SAMPLE_RATE, np.int64)
        length = int(inputs["WINDOWS"].max()) * WINDOW_SAMPLES  # in step: of all streams the same
        samples = inputs["AUDIO"][:, :length].astype(np.float32) / 32768
        for window in np.split(samples, length // WINDOW_SAMPLES, axis=1):
            framed = np.concatenate([context, window], axis=1)
            state = self._runner.run({"input": framed, "state": state, "sr": rate}, "output", "stateN")["stateN"]
            context = window[:, -CONTEXT_SAMPLES:]
        return context, state.transpose(1, 0, 2)


def _ask(client: InferenceServerClient, inputs: Inputs) -> tuple[Array, Array]:
    sent = []
    for name, array in inputs.items():
        sent.append(InferInput(name, array.shape, np_to_triton_dtype(array.dtype)))
        sent[-1].set_data_from_numpy(array)
    answer = client.infer("vad", sent, outputs=[InferRequestedOutput(name) for name in OUTPUTS])
    return answer.as_numpy("NEXT_CONTEXT"), answer.as_numpy("NEXT_STATE")


def _triton_seconds(triton: TritonAddress) -> float:
    assert triton.server_pid is not None
    return sum(map(process_seconds, [triton.server_pid, *triton.stub_pids("vad")]))


def _draw(bench: Bench, costs: Mapping[_Case, Costs]) -> None:
    drawing = Drawing(figsize=(7, 4), layout="constrained")
    axes = drawing.subplots()
    for name, title in _NAMES.items():
        rounds = [[1000 * each for each in costs[_Case(rows)][name]] for rows in _ROWS]
        (line,) = axes.plot(_ROWS, [statistics.median(each) for each in rounds], label=title)
        for rows, each in zip(_ROWS, rounds, strict=True):
            axes.plot([rows] * len(each), each, "_", color=line.get_color())
    axes.set(xscale="log", yscale="log", xticks=_ROWS, xticklabels=_ROWS)
    axes.set(xlabel="streams in a call, 100 ms each; a stroke is one round", ylabel="processor ms a stream-second")
    axes.legend()
    drawing.savefig(bench.picture("vad"), dpi=120)
