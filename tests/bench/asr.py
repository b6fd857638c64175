"""`asr` through Triton against bare calls of its graph on the same clips, and eight clients against one.

The bare calls get ideal batches of sixteen and do nothing with what they are told; through Triton 32 clients ask, each
for one clip at a time, and receive words with times.
"""

import queue
import statistics
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure as Drawing
from tritonclient.grpc import InferenceServerClient

from docker.triton.backends.asr.recognition import prompt, wish
from docker.triton.backends.asr.recognition.graph import inputs
from docker.triton.backends.asr.recognition.version import Version
from docker.triton.backends.asr.recognition.vocabulary import Vocabulary
from export.calibration.voices import SAMPLE_RATE, Samples, Voice, speak
from export.graphs.runtime import Runner
from export.publishing.publication import MANIFEST_FILE, MODEL_FILE, versions
from frontend.speech import Decoding
from frontend.triton.tensors import AsrContract, Row
from tests import readings
from tests.bench import bars, processor_time
from tests.bench.result import Figure, Result
from tests.bench.stage import REPOSITORY, Bench, progress
from tests.recogniser import infer
from tests.triton_server import TritonAddress

_VOICES = ("Marco", "Lee", "Andrea", "david", "rob", "max", "zac", "f1")
_SENTENCES = (
    "turn on the light in the kitchen",
    "the meeting is on monday at nine o'clock",
    "my birthday is on the third of march",
    "the train leaves at half past seven",
    "it costs forty five euros",
    "my number is three four five six seven",
    "what is the weather like in spain tomorrow",
    "i would like to book a table on friday",
)
_PIECE_SECONDS, _READ_TIMES, _ROUNDS_OF_READING = 14.7, 8, 3
_OUTPUTS = ("TOKEN", "LOG_PROBABILITY", "PROMPT_LOG_PROBABILITY", "LANGUAGE", "NO_SPEECH", "ALIGNMENT")
_BARE_ROWS, _CLIENTS, _TOGETHER, _ROUNDS = 16, 32, 8, 7


def measure(bench: Bench) -> Result:
    clips = [speak(Voice("espeak-ng", voice), sentence, "en") for voice in _VOICES for sentence in _SENTENCES]
    seconds = sum(map(len, clips)) / SAMPLE_RATE
    bare = _Bare(REPOSITORY)
    plays: dict[str, Callable[[], float]] = {
        "bare": lambda: bare.take(clips),
        "clients": lambda: _ask_all(bench.triton, clips, _CLIENTS),
        "alone": lambda: _ask_all(bench.triton, clips, 1),
        "together": lambda: _ask_all(bench.triton, clips, _TOGETHER),
    }
    for play in plays.values():
        play()  # warms up
    rounds, batches = [], []
    for _ in progress(range(_ROUNDS), "in turns"):
        took = {name: play() for name, play in plays.items() if name != "together"}
        before = bench.triton.counts("asr")
        took["together"] = plays["together"]()
        rows, calls = (after - old for after, old in zip(bench.triton.counts("asr"), before, strict=True))
        batches.append(rows / calls)
        rounds.append(took)
    speeds = {name: [seconds / each[name] for each in rounds] for name in plays}
    _draw(bench, speeds)
    batch = Figure(f"mean batch with {_TOGETHER} clients, by Triton's count", min(batches), "", bars.ASR_MEAN_BATCH)
    details = {"rounds": rounds, "mean_batches": batches, "audio_seconds": seconds}
    return Result("asr", [*_ratios(speeds), batch, _person(bench)], details)


def _person(bench: Bench) -> Figure:
    """What a person reads, in pieces as the recogniser hears well, asked for by as many as a batch has."""
    reading, length = readings.whole(), round(_PIECE_SECONDS * SAMPLE_RATE)
    pieces = [reading[start : start + length] for start in range(0, len(reading) - length + 1, length)] * _READ_TIMES
    seconds = sum(map(len, pieces)) / SAMPLE_RATE
    speeds = []
    for _ in progress(range(_ROUNDS_OF_READING), "of a person"):
        before = processor_time.tree_seconds(bench.triton.pid)
        _ask_all(bench.triton, pieces, _BARE_ROWS)
        speeds.append(seconds / (processor_time.tree_seconds(bench.triton.pid) - before))
    note = f"{min(speeds):.1f} to {max(speeds):.1f} in {len(speeds)} rounds"
    return Figure(
        "a person's reading by one processor", statistics.median(speeds), "times real time", bars.ASR_PERSON_SPEED, note
    )


def _ratios(speeds: Mapping[str, Sequence[float]]) -> list[Figure]:
    """Medians over the rounds, in each of which all played."""

    def ratio(ours: str, other: str) -> tuple[float, str]:
        both = zip(speeds[ours], speeds[other], strict=True)
        medians = (statistics.median(speeds[name]) for name in (ours, other))
        return statistics.median(a / b for a, b in both), "{:.0f} against {:.0f} times real time".format(*medians)

    throughput, throughput_note = ratio("clients", "bare")
    gain, gain_note = ratio("together", "alone")
    return [
        Figure(f"{_CLIENTS} clients against bare ONNX Runtime", throughput, "", bars.ASR_THROUGHPUT, throughput_note),
        Figure(f"{_TOGETHER} clients against one", gain, "", bars.ASR_CONCURRENCY, gain_note),
    ]


class _Bare:
    """The graph of the first engine that the newest `asr` names, which serves English, in one thread."""

    def __init__(self, repository: Path) -> None:
        newest = versions(repository / "asr")[-1].path
        self._manifest = Version.parse((newest / MANIFEST_FILE).read_text(encoding="utf-8")).engines[0]
        self._vocabulary = Vocabulary.parse((newest / self._manifest.tokenizer).read_text(encoding="utf-8"))
        graph = self._manifest.graph
        self._runner = Runner(repository / graph.model / str(graph.version) / MODEL_FILE)

    def take(self, clips: Sequence[Samples]) -> float:
        started = time.perf_counter()
        for start in range(0, len(clips), _BARE_ROWS):
            wishes = [wish.Wish(clip) for clip in clips[start : start + _BARE_ROWS]]
            rows = [prompt.row(each, self._manifest, self._vocabulary) for each in wishes]
            self._runner.run(inputs(rows, self._manifest), *_OUTPUTS)
        return time.perf_counter() - started


def _ask_all(triton: TritonAddress, clips: Sequence[Samples], clients: int) -> float:
    """The seconds until so many clients have had all clips transcribed, each asking for one at a time."""
    waiting: queue.SimpleQueue[Samples] = queue.SimpleQueue()
    for clip in clips:
        waiting.put(clip)
    connected = threading.Barrier(clients + 1)

    def ask() -> None:
        with InferenceServerClient(f"{triton.host}:{triton.grpc_port}") as client:
            client.is_server_live()
            connected.wait()
            while True:
                try:
                    infer(client, "asr", _as_the_gateway(waiting.get_nowait()))
                except queue.Empty:
                    return

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    connected.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def _as_the_gateway(clip: Samples) -> Mapping[str, Any]:
    """With all inputs, as Triton's batches want them."""
    return AsrContract().inputs([Row("bench", clip, decoding=Decoding(language="en"))], len(clip))


def _draw(bench: Bench, speeds: Mapping[str, Sequence[float]]) -> None:
    drawing = Drawing(figsize=(7, 3), layout="constrained")
    axes = drawing.subplots()
    names = {
        "bare": f"bare ONNX Runtime,\nbatches of {_BARE_ROWS}",
        "clients": f"{_CLIENTS} clients of Triton",
        "together": f"{_TOGETHER} clients of Triton",
        "alone": "1 client of Triton",
    }
    for place, (name, title) in enumerate(names.items()):
        axes.barh(title, statistics.median(speeds[name]), color="tab:orange" if name == "bare" else "tab:blue")
        axes.plot(speeds[name], [place] * len(speeds[name]), "|", color="black")
    axes.invert_yaxis()
    axes.set(xlabel="seconds of audio transcribed in a second; a stroke is one round", xlim=(0, None))
    drawing.savefig(bench.picture("asr"), dpi=120)
