"""How soon each live dialect tells the final of what a person said once it is known that the utterance is over: by the
silence behind it, or because the client says so, at the last sound or after a moment.

One stream at a time, in real time; the words are a person's, so that whoever serves English people is heard.
"""

import asyncio

import numpy as np
from matplotlib.figure import Figure as Drawing

from frontend.speech import Samples
from tests import readings
from tests.bench import bars, stage
from tests.bench.dialect_clients import DIALECTS, Dialect, delay
from tests.bench.result import Figure, Result
from tests.bench.stage import Bench

# How the end is known; after so much silence the client says so, who else leaves it to the gateway.
ENDS = {"by silence": None, "said at the last sound": 0.0, "said 0.3 s later": 0.3}
_ROUNDS = 3
_LOUD = 600  # what is not, at either end of a reading, is no speech


def measure(bench: Bench) -> Result:
    told: dict[str, list[float]] = {}
    for dialect in DIALECTS:
        for how, quiet_seconds in ENDS.items():
            if quiet_seconds is not None or dialect.endpoints:
                told[f"{dialect.name}, {how}"] = asyncio.run(_delays(bench, dialect, quiet_seconds))
    _draw(bench, told)
    figures = [figure for name, delays in told.items() for figure in _figures(name, delays)]
    return Result("dialects", figures, {"delays": told})


async def _delays(bench: Bench, dialect: Dialect, quiet_seconds: float | None) -> list[float]:
    spoken = [_trimmed(part) for part in readings.parts()] * _ROUNDS
    told = []
    for speech in stage.progress(spoken, dialect.name):
        told.append(await delay(dialect, bench.gateway, speech, quiet_seconds))
    return told


def _trimmed(samples: Samples) -> Samples:
    """To where its last word ends."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > _LOUD)
    return samples[: loud[-1] + 1]


def _figures(name: str, delays: list[float]) -> list[Figure]:
    median, high = np.percentile(delays, [50, 95], method="higher")
    return [
        Figure(
            f"{name}: final, median", float(median), "s", bars.DIALECT_FINAL_SECONDS, f"of {len(delays)} utterances"
        ),
        Figure(f"{name}: final, p95", float(high), "s"),
    ]


def _draw(bench: Bench, told: dict[str, list[float]]) -> None:
    drawing = Drawing(figsize=(11, 5), layout="constrained")
    axes = drawing.subplots()
    for row, delays in enumerate(told.values()):
        axes.plot(delays, [row] * len(delays), ".", color="tab:blue")
        axes.plot([np.median(delays)], [row], "|", color="black", markersize=16)
    axes.axvline(bars.DIALECT_FINAL_SECONDS.limit, color="tab:red", linewidth=1, label="bar for the median")
    axes.set(yticks=range(len(told)), yticklabels=list(told), xlabel="s from when the end is known to the final")
    axes.invert_yaxis()
    axes.legend()
    drawing.savefig(bench.picture("dialects"), dpi=100)
